import { Link } from "react-router";
import { useMessages } from "../i18n";
import { PageTitle } from "../ui/PageTitle";
import { linkStyle } from "../ui/styles";

export function NotFound() {
  const t = useMessages();
  return (
    <>
      <PageTitle text={t.notFoundText}>{t.notFound}</PageTitle>
      <Link to="/" className={linkStyle}>
        {t.toDashboard}
      </Link>
    </>
  );
}
