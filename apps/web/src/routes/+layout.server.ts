import type { LayoutServerLoad } from './$types';

/** Who is signed in, for every page. No token goes to the browser but in its cookie. */
export const load: LayoutServerLoad = ({ locals: { user } }) => ({ user: user && { name: user.name } });
