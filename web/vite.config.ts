import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import optimizeLocales from "@react-aria/optimize-locales-plugin";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig(({ command }) => ({
  // In development the app has its own port, and so its own origin. In production the API server serves it.
  base: command === "build" ? "/app/" : "/",
  plugins: [
    react(),
    tailwindcss(),
    // Bundles the strings of React Aria in our languages only, not in all thirty.
    { ...optimizeLocales.vite({ locales: ["en-US", "de-DE"] }), enforce: "pre" },
    // Go embeds this folder. The file keeps it in git when it is empty.
    { name: "keep-dist", closeBundle: () => writeFileSync(path("dist/.gitkeep"), "") },
  ],
  resolve: {
    alias: { "@client": path("../gen/ts") },
    // The generated client is outside this folder, where Node finds no packages.
    dedupe: ["zod", "@tanstack/react-query"],
  },
  server: { port: 3000, strictPort: true, fs: { allow: [path("."), path("../gen/ts")] } },
  build: {
    // The oldest browsers with light-dark(), from spring 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // Inlined files would be data: URLs, which the Content-Security-Policy blocks.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The dictionaries of the password meter are large. They are loaded only for new passwords.
    chunkSizeWarningLimit: 2000,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
