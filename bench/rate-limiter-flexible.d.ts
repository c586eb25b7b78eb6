// The limiter in memory alone: the package's entry loads Node's cluster module, which no Worker has.
declare module 'rate-limiter-flexible/lib/RateLimiterMemory.js' {
  export { RateLimiterMemory as default } from 'rate-limiter-flexible';
}
