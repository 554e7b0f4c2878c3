import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface AskProps {
  title: string;
  text: React.ReactNode;
  isOpen: boolean;
  onClose: () => void;
  children: React.ReactNode;
}

/** A dialog over everything else. */
export function Ask({ title, text, isOpen, onClose, children }: AskProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      className="fixed inset-0 z-50 grid place-items-center overflow-y-auto bg-black/50 p-4 backdrop-blur-md"
    >
      <Modal className="w-full max-w-md rounded-2xl border border-line bg-card p-6 text-text shadow-2xl sm:p-7">
        <Dialog role="alertdialog" className="flex flex-col gap-5 outline-none">
          <div>
            <Heading slot="title" level={2} className="text-lg">
              {title}
            </Heading>
            <p className="mt-1 text-[0.9375rem] text-muted">{text}</p>
          </div>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
