import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface DialogProps {
  title: string;
  text: React.ReactNode;
  isOpen: boolean;
  onClose: () => void;
  children: React.ReactNode;
}

/** A modal dialog. */
export function Dialog({ title, text, isOpen, onClose, children }: DialogProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      className="fixed inset-0 z-50 grid place-items-center overflow-y-auto bg-black/50 p-4 backdrop-blur-md"
    >
      <Modal className="w-full max-w-md rounded-2xl border border-line bg-card p-6 text-text shadow-2xl sm:p-7">
        <AriaDialog role="alertdialog" className="flex flex-col gap-5 outline-none">
          <div>
            <Heading slot="title" level={2} className="text-lg">
              {title}
            </Heading>
            <p className="mt-1 text-[0.9375rem] text-muted">{text}</p>
          </div>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
