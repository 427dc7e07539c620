// Names of the extended attributes that tell where a file comes from.

export const OWN_XATTR_PREFIX = 'user.alluxio.';
export const XATTR_NAMES = ['ufs_uri', 'version', 'owner', 'cached_share'] as const;
export type XattrName = (typeof XATTR_NAMES)[number];
