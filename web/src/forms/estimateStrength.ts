import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import * as common from "@zxcvbn-ts/language-common";

const zxcvbn = new ZxcvbnFactory({
  dictionary: common.dictionary,
  graphs: common.adjacencyGraphs,
});

/** The time it takes grows with the square of the length, and what is longer than this is strong or repeats itself. */
const longest = 100;

/** From 0, guessed at once, to 4, very hard to guess. `about` is what an attacker would try first. */
export function estimateStrength(password: string, about: string[]): 0 | 1 | 2 | 3 | 4 {
  return zxcvbn.check(password.slice(0, longest), ["TechTreks", ...about.filter((word) => word !== "")]).score;
}
