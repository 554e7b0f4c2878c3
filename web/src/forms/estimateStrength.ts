import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import * as common from "@zxcvbn-ts/language-common";

const zxcvbn = new ZxcvbnFactory({
  dictionary: common.dictionary,
  graphs: common.adjacencyGraphs,
});

/** The estimate takes quadratic time. A longer password is either strong or a repetition. */
const maxLength = 100;

/** Returns a score from 0 (guessed at once) to 4 (very hard to guess). `userInputs` are words that attackers try first. */
export function estimateStrength(password: string, userInputs: string[]): 0 | 1 | 2 | 3 | 4 {
  return zxcvbn.check(password.slice(0, maxLength), ["TechTreks", ...userInputs.filter((word) => word !== "")]).score;
}
