import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import optimizeLocales from "@react-aria/optimize-locales-plugin";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig(({ command }) => ({
  // In development the app has a port, and so an origin, of its own. Built, it is served by the API's server.
  base: command === "build" ? "/app/" : "/",
  plugins: [
    react(),
    tailwindcss(),
    // React Aria brings its own few sentences in thirty languages.
    { ...optimizeLocales.vite({ locales: ["en-US", "de-DE"] }), enforce: "pre" },
    // Go embeds this folder, which git keeps by that file.
    { name: "keep", closeBundle: () => writeFileSync(path("dist/.gitkeep"), "") },
  ],
  resolve: {
    alias: { "@client": path("../gen/ts") },
    // The generated client stands beside this folder, where it would find no packages.
    dedupe: ["zod", "@tanstack/react-query"],
  },
  server: { port: 3000, strictPort: true, fs: { allow: [path("."), path("../gen/ts")] } },
  build: {
    // The oldest browsers with light-dark(), of the spring of 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // A file inside the script would be a data: address, which the Content-Security-Policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The dictionaries of the password meter are large, and fetched when somebody chooses a password.
    chunkSizeWarningLimit: 2000,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
