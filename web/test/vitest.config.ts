import { join } from "node:path";
import { defineConfig } from "vitest/config";

const client = join(import.meta.dirname, "../../gen/ts");

// One browser at a time, because CI machines are small.
export default defineConfig({
  root: import.meta.dirname,
  resolve: {
    // The imports of the code in docs/.
    alias: {
      "@techtreks/auth-client/client": join(client, "client/index.ts"),
      "@techtreks/auth-client": join(client, "index.ts"),
      "next/headers": join(import.meta.dirname, "lib/next-headers.ts"),
    },
  },
  test: {
    include: [process.env.SCREENSHOTS === undefined ? "*.test.ts" : "screenshots.ts"],
    fileParallelism: false,
    // One process for all files, so that each does not load the same modules again.
    isolate: false,
    testTimeout: 40_000,
    hookTimeout: 60_000,
  },
});
