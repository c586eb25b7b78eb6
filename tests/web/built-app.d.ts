// What the adapter writes, beside which circumstances.ts is put.
declare module '*/_worker.js' {
  const app: { fetch(request: Request, env: Record<string, unknown>, ctx: unknown): Promise<Response> };
  export default app;
}
