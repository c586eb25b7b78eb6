import { error } from '@sveltejs/kit';

/** The bindings of this Worker. Answers 503 where there are none: in a build, or on a host that is no Worker. */
export function envOf({ platform }: { platform: Readonly<App.Platform> | undefined }): App.Platform['env'] {
  return platform?.env ?? error(503, 'This application runs as a Cloudflare Worker.');
}
