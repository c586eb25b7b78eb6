// What every other worker's start is compared with.
export default {
  fetch(): Response {
    return Response.json({ ms: 0 });
  },
};
