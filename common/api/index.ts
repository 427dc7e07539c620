export type { ByteName, FileStatus } from './file-status.ts';
export type { MembershipMember, MembershipView, MountEntry, WorkerRecord } from './membership.ts';
