/** The keys of what the platform caches. Ids stand in them as they are. */
export const cacheKeys: {
  /** The published content of a category: a list. */
  readonly contentPublished: (categoryId: string) => string;
  /** The featured content: a list. */
  readonly contentFeatured: () => string;
  /** Analytics of a day, `YYYY-MM-DD`. */
  readonly analyticsDaily: (date: string) => string;
  /** Logo and branding. */
  readonly platformSettings: () => string;
  /** A creator's R2 bucket names. */
  readonly creatorBuckets: (creatorId: string) => string;
  /** How far the transcoding of a medium has come. */
  readonly mediaProcessingStatus: (mediaId: string) => string;
  readonly userLibrary: (userId: string) => string;
  readonly userPurchases: (userId: string) => string;
  readonly userProgress: (userId: string) => string;
  /** Revenue of a month, `YYYY-MM`. */
  readonly analyticsRevenueMonthly: (month: string) => string;
  /** The top content of a week, `YYYY-Www`. */
  readonly analyticsTopContentWeekly: (week: string) => string;
  readonly analyticsUserCohorts: (cohortId: string) => string;
} = {
  contentPublished: (categoryId) => `cache:content:published:${categoryId}`,
  contentFeatured: () => 'cache:content:featured',
  analyticsDaily: (date) => `cache:analytics:daily:${date}`,
  platformSettings: () => 'cache:platform-settings',
  creatorBuckets: (creatorId) => `cache:creator-buckets:${creatorId}`,
  mediaProcessingStatus: (mediaId) => `cache:media:processing-status:${mediaId}`,
  userLibrary: (userId) => `cache:user:${userId}:library`,
  userPurchases: (userId) => `cache:user:${userId}:purchases`,
  userProgress: (userId) => `cache:user:${userId}:progress`,
  analyticsRevenueMonthly: (month) => `cache:analytics:revenue:monthly:${month}`,
  analyticsTopContentWeekly: (week) => `cache:analytics:top-content:weekly:${week}`,
  analyticsUserCohorts: (cohortId) => `cache:analytics:user-cohorts:${cohortId}`,
};

/** How long each of them is cached, in seconds. */
export const CACHE_TTL: {
  /** 5 minutes: fresh enough, and light on the database. */
  readonly contentPublished: 300;
  /** 30 minutes: changes seldom. */
  readonly contentFeatured: 1800;
  /** A day: an expensive aggregation. */
  readonly analyticsDaily: 86_400;
  /** A day: changes seldom, read always. */
  readonly platformSettings: 86_400;
  /** A day: never changes once made. */
  readonly creatorBuckets: 86_400;
  /** A minute: the page asks every five seconds. */
  readonly mediaProcessingStatus: 60;
} = {
  contentPublished: 300,
  contentFeatured: 1800,
  analyticsDaily: 86_400,
  platformSettings: 86_400,
  creatorBuckets: 86_400,
  mediaProcessingStatus: 60,
};
