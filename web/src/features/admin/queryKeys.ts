/** The list of accounts, in any search. */
export const usersKey = ["admin", "users"] as const;
