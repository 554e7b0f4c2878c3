/** The key in sessionStorage by which the login page knows that the account was just deleted in this tab. */
export const accountDeletedKey = "techtreks-deleted";
