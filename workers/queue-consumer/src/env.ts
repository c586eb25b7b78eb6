/** The bindings, vars and secrets of wrangler.toml. */
export interface Env {
  CACHE_KV: KVNamespace;
  DB: D1Database;
  TRANSCODING_QUEUE: Queue;
  DEAD_LETTERS: Queue;
  /** The name of the queue behind DEAD_LETTERS, by which its batches are told. */
  DEAD_LETTER_QUEUE: string;
  /** The endpoint of the transcoding service, such as `https://api.runpod.ai/v2/<endpoint id>`. */
  RUNPOD_URL: string;
  /** A secret. */
  RUNPOD_API_KEY: string;
  /** The origin of the api worker, where the transcoding service finds the files. */
  MEDIA_ORIGIN: string;
  /** A secret, which the api worker has too: it signs the addresses of the files. */
  MEDIA_URL_SECRET: string;
  /** How long one delivery may work on a job before another may take it over. */
  LEASE_SECONDS: number;
  /** How soon a job that was submitted is first asked after. */
  POLL_SECONDS: number;
  /** How long a job that is under way may go without a delivery before it is put into the queue again. */
  STALLED_SECONDS: number;
}
