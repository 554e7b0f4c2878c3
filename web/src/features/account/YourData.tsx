import { deleteAccount, exportAccount } from "@client/sdk.gen";
import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { toFailure } from "../../api/failure";
import { accountDeletedKey } from "../../session/accountDeleted";
import { notifyTabs } from "../../session/tabs";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { PageTitle } from "../../ui/PageTitle";
import { useMessages } from "./messages";

export function YourData() {
  const t = useMessages();
  const { user } = useUser();
  const [confirming, setConfirming] = useState(false);
  return (
    <>
      <PageTitle>{t.data}</PageTitle>
      <div className="flex flex-col gap-6">
        <Card title={t.exportTitle} text={t.exportText}>
          <Export />
        </Card>
        <Card title={t.deleteTitle} text={t.deleteText}>
          <Button kind="danger" onClick={() => setConfirming(true)}>
            {t.delete}
          </Button>
        </Card>
      </div>
      <Dialog
        title={t.deleteTitle}
        text={t.deleteDialog(user?.username ?? "")}
        isOpen={confirming}
        onClose={() => setConfirming(false)}
      >
        <Delete cancel={() => setConfirming(false)} />
      </Dialog>
    </>
  );
}

function Export() {
  const t = useMessages();
  const download = useMutation({
    mutationFn: () => exportAccount({ throwOnError: true }),
    onSuccess: ({ data }) => save(`techtreks-${data.account.username}.json`, JSON.stringify(data, null, 2)),
  });
  return (
    <div className="flex flex-col items-start gap-4">
      {download.error && <ErrorNotice failure={toFailure(download.error)} />}
      <Button kind="secondary" onClick={() => download.mutate()} isPending={download.isPending}>
        <Download size={18} aria-hidden />
        {t.export}
      </Button>
    </div>
  );
}

/** Saves a file that is created in the browser: no URL leads to the user's data. */
function save(name: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Deletes the account after a confirmation. The client asks for the password first if the login is too old. */
function Delete({ cancel }: { cancel: () => void }) {
  const t = useMessages();
  const remove = useMutation({
    mutationFn: () => deleteAccount({ throwOnError: true }),
    onSuccess: () => {
      notifyTabs("logged-out");
      sessionStorage.setItem(accountDeletedKey, "");
      // A new document, so that nothing of the account stays in memory.
      window.location.replace(`${import.meta.env.BASE_URL}login`);
    },
  });
  return (
    <>
      {remove.error && <ErrorNotice failure={toFailure(remove.error)} />}
      <div className="flex flex-wrap justify-end gap-3">
        <Button kind="secondary" onClick={cancel}>
          {t.cancel}
        </Button>
        <Button kind="danger" onClick={() => remove.mutate()} isPending={remove.isPending || remove.isSuccess}>
          {t.deleteConfirm}
        </Button>
      </div>
    </>
  );
}
