// The door to libc: what Node itself does not offer. Every group is undefined (files: portable) where there is no koffi or no Linux.
export { type DescriptorCalls, descriptorCalls, type Memory } from './descriptors.ts';
export { type DirectoryLock, type FileCalls, fileCalls, portableFileCalls } from './files.ts';
export { type Libc, libc, type NativeBlock } from './libc.ts';
export { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type EpollSet, POLLIN, POLLOUT, type PollCalls, pollCalls } from './polling.ts';
export { inetAddress, type SocketAddress, unixAddress } from './socket-address.ts';
export { MSG_DONTWAIT, MSG_MORE, MSG_WAITALL, type SocketCalls, socketCalls } from './sockets.ts';
