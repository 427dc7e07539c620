// Original file: proto/alluxio/coordinator.proto


export interface MountRequest {
  'mountPath'?: (string);
  'ufsUri'?: (string);
  /**
   * Secrets among them are sealed before they are stored.
   */
  'options'?: ({[key: string]: string});
}

export interface MountRequest__Output {
  'mountPath': (string);
  'ufsUri': (string);
  /**
   * Secrets among them are sealed before they are stored.
   */
  'options': ({[key: string]: string});
}
