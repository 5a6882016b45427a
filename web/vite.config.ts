import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2022",
    // Small files stay files: a picture or font inlined as data: would need a wider content security policy.
    assetsInlineLimit: 0,
    // The preload polyfill fetches modules once more in old browsers; none of those can run these pages.
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": "http://127.0.0.1:7861" } },
});
