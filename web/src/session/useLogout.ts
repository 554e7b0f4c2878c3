import { logoutMutation } from "@client/@tanstack/react-query.gen";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { notifyTabs } from "./tabs";
import { setUser } from "./useUser";

/** Logs out in this tab and in all others. */
export function useLogout() {
  const queries = useQueryClient();
  const logout = useMutation({
    ...logoutMutation(),
    onSuccess: () => {
      setUser(queries, null);
      notifyTabs("logged-out");
    },
  });
  return { ...logout, mutate: () => logout.mutate({}) };
}
