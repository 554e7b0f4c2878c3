import { Link } from "react-router";
import { useMessages } from "../i18n";
import { linkStyle } from "../ui/styles";
import { Title } from "../ui/Title";

export function NotFound() {
  const t = useMessages();
  return (
    <>
      <Title text={t.notFoundText}>{t.notFound}</Title>
      <Link to="/" className={linkStyle}>
        {t.toDashboard}
      </Link>
    </>
  );
}
