import { defineConfig } from "vitest/config";

// One browser at a time: the machines that run this are small.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: [process.env.SCREENSHOTS === undefined ? "*.test.ts" : "screenshots.ts"],
    fileParallelism: false,
    testTimeout: 40_000,
    hookTimeout: 60_000,
  },
});
