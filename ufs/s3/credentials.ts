// Credentials of an S3 mount: given ones, none (anonymous), or those of the AWS SDK's providers, which is loaded only then. Provided ones are kept and
// renewed before they expire, and when the store refuses them (a file of keys may be replaced at any time); a renewal that fails leaves the old ones in use
// as long as they last.
import { type Clock, SingleFlight, systemClock } from '../../common/async/index.ts';
import { Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { S3_OPTION } from '../mount-options.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

export interface CredentialSource {
  /** Present credentials; undefined: requests go out unsigned. @throws Unauthenticated, UfsUnavailable */
  (): Promise<S3Credentials | undefined>;
  /** The store refused a request that was signed after `sinceMs` (monotonic). @returns whether there may be other credentials: worth signing it again. Absent: there are no others */
  readonly refused?: (sinceMs: number) => boolean;
}
/** A provider of the AWS SDK. */
export type CredentialProvider = () => Promise<S3Credentials>;

const REMEDY = `Set ${S3_OPTION.accessKeyId} and ${S3_OPTION.secretKey}, ${S3_OPTION.profile}, ${S3_OPTION.webIdentityTokenFile}, or ${S3_OPTION.anonymous}=true.`;

const incomplete = (field: string, remedy: string): CacheError =>
  new CacheError('InvalidConfiguration', `The credentials of the mount are incomplete: ${field} is missing.`, { source: 'caller', context: { field, remedy } });

/** @param text reads an option. @throws InvalidConfiguration for options that contradict each other or lack their other half */
export function credentialSource(text: (name: string) => string | undefined, isAnonymous: boolean): CredentialSource {
  const accessKeyId = text(S3_OPTION.accessKeyId);
  const secretAccessKey = text(S3_OPTION.secretKey);
  if (isAnonymous) {
    if (accessKeyId === undefined) return () => Promise.resolve(undefined);
    throw new CacheError('InvalidConfiguration', 'The mount is anonymous and has an access key.', {
      source: 'caller',
      context: { field: S3_OPTION.anonymous, remedy: 'Give one or the other.' },
    });
  }
  if (accessKeyId !== undefined || secretAccessKey !== undefined) {
    if (secretAccessKey === undefined) throw incomplete(S3_OPTION.secretKey, `Give ${S3_OPTION.secretKey} with ${S3_OPTION.accessKeyId}.`);
    if (accessKeyId === undefined) throw incomplete(S3_OPTION.accessKeyId, `Give ${S3_OPTION.accessKeyId} with ${S3_OPTION.secretKey}.`);
    const fixed = Promise.resolve({ accessKeyId, secretAccessKey, sessionToken: text(S3_OPTION.sessionToken) });
    return () => fixed;
  }
  return new RenewedCredentials(sdkProvider(text)).source;
}

/** @throws InvalidConfiguration */
function sdkProvider(text: (name: string) => string | undefined): () => Promise<CredentialProvider> {
  const profile = text(S3_OPTION.profile);
  const webIdentityTokenFile = text(S3_OPTION.webIdentityTokenFile);
  const roleArn = text(S3_OPTION.roleArn);
  const roleSessionName = text(S3_OPTION.roleSessionName) ?? 'alluxio-ts';
  const region = text(Property.s3Region.name) ?? 'us-east-1';
  if (webIdentityTokenFile !== undefined && roleArn === undefined) throw incomplete(S3_OPTION.roleArn, `Give ${S3_OPTION.roleArn} with ${S3_OPTION.webIdentityTokenFile}.`);
  if (roleArn !== undefined && webIdentityTokenFile === undefined)
    throw incomplete(S3_OPTION.webIdentityTokenFile, `Give ${S3_OPTION.webIdentityTokenFile} with ${S3_OPTION.roleArn}.`);
  return async () => {
    const sdk = await import('@aws-sdk/credential-providers');
    if (webIdentityTokenFile !== undefined) return sdk.fromTokenFile({ webIdentityTokenFile, roleArn: roleArn!, roleSessionName, clientConfig: { region } });
    if (profile !== undefined) return sdk.fromIni({ profile, ignoreCache: true });
    // Off AWS nobody answers the metadata address: one short try.
    return sdk.fromNodeProviderChain({ timeout: 1000, maxRetries: 0, ignoreCache: true });
  };
}

const RENEW_BEFORE_MS = 5 * 60_000;
const RENEW_AGAIN_AFTER_MS = 10_000;

export class RenewedCredentials {
  readonly #makeProvider: () => Promise<CredentialProvider>;
  readonly #clock: Clock;
  readonly #flight = new SingleFlight<'renew', S3Credentials>();
  #provider: Promise<CredentialProvider> | undefined;
  #current: S3Credentials | undefined;
  #renewAtMs = 0;
  #refusedAtMs = -Infinity;

  constructor(makeProvider: () => Promise<CredentialProvider>, clock: Clock = systemClock) {
    this.#makeProvider = makeProvider;
    this.#clock = clock;
  }

  readonly source: CredentialSource = Object.assign(() => this.#present(), { refused: (sinceMs: number) => this.#refused(sinceMs) });

  async #present(): Promise<S3Credentials> {
    const nowMs = this.#clock.wallMs();
    if (this.#current !== undefined && nowMs < this.#renewAtMs) return this.#current;
    try {
      return await this.#flight.run('renew', () => this.#renew());
    } catch (error) {
      const current = this.#current;
      if (current?.expiration === undefined || current.expiration.getTime() <= nowMs) throw error;
      this.#renewAtMs = nowMs + RENEW_AGAIN_AFTER_MS;
      return current;
    }
  }

  /** Many requests that are refused together renew once, and constant refusals renew now and then. */
  #refused(sinceMs: number): boolean {
    if (this.#refusedAtMs > sinceMs) return true;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#refusedAtMs < RENEW_AGAIN_AFTER_MS) return false;
    this.#refusedAtMs = nowMs;
    this.#renewAtMs = 0;
    this.#provider = undefined; // it may keep what it found
    return true;
  }

  async #renew(): Promise<S3Credentials> {
    try {
      const provide = await (this.#provider ??= this.#makeProvider());
      this.#current = await provide();
    } catch (error) {
      throw credentialError(error);
    }
    this.#renewAtMs = (this.#current.expiration?.getTime() ?? Infinity) - RENEW_BEFORE_MS;
    return this.#current;
  }
}

/** No credentials at all is final; a token service without an answer is worth another try. */
function credentialError(error: unknown): CacheError {
  const isMissing =
    error instanceof Error && /^(CredentialsProviderError|ProviderError|TokenProviderError|AccessDenied|ExpiredTokenException|InvalidIdentityToken)/.test(error.name);
  const message = isMissing ? 'No S3 credentials were found.' : 'The credential service did not answer.';
  return new CacheError(isMissing ? 'Unauthenticated' : 'UfsUnavailable', message, {
    source: 'ufs',
    context: { remedy: REMEDY, detail: error instanceof Error ? error.message.split('\n')[0]?.slice(0, 200) : undefined },
    cause: error,
  });
}
