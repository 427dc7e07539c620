// Service definitions from .proto files, loaded at run time with the options that proto/gen was generated for (tools/proto/main.ts).
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { invariant } from '../errors/index.ts';

export interface ServiceSource {
  /** Absolute path of the .proto file. */
  readonly protoFile: string;
  /** `alluxio.coordinator.Coordinator` */
  readonly fullName: string;
}

/** @typeParam D the definition that proto/gen has for it */
export function loadService<D>({ protoFile, fullName }: ServiceSource): D {
  const loaded = loadSync(protoFile, { longs: Number, enums: String, defaults: true, oneofs: true });
  const definition = loaded[fullName];
  invariant(definition !== undefined, `${protoFile} has no ${fullName}`);
  return definition as unknown as D;
}

/** Names of the methods of a generated definition, without the index signature. */
export type MethodOf<D> = keyof { [M in keyof D as string extends M ? never : number extends M ? never : M]: true } & string;
/** What the caller sends. */
export type RequestOf<D, M extends keyof D> = D[M] extends MethodDefinition<infer Q, infer _R, infer _QO, infer _RO> ? Q : never;
/** What the handler receives. */
export type ReceivedOf<D, M extends keyof D> = D[M] extends MethodDefinition<infer _Q, infer _R, infer QO, infer _RO> ? QO : never;
/** What the handler answers. */
export type AnswerOf<D, M extends keyof D> = D[M] extends MethodDefinition<infer _Q, infer R, infer _QO, infer _RO> ? R : never;
/** What the caller gets. */
export type ResponseOf<D, M extends keyof D> = D[M] extends MethodDefinition<infer _Q, infer _R, infer _QO, infer RO> ? RO : never;
