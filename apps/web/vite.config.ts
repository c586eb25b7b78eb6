import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [sveltekit()],
  // Left to wrangler, which bundles what the adapter emits and knows the Workers' form of the package. Vite would inline a
  // linked package in its form for Node: the core as text, and no waitUntil. An installed one it leaves out by itself.
  ssr: { external: ['@codex/cloudflare-clients'] },
});
