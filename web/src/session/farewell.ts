/** Where a tab remembers that the account it was for has just been deleted. */
export const farewell = "techtreks-deleted";
