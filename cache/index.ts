// The page store's door: opens the directories, restores the tables from their indexes and wires the parts.
import { join } from 'node:path';
import { PageDirectory } from './directory/page-directory.ts';
import { abilitiesOf, INDEX_FOLDER, openDirectories, type OpenedDirectory } from './directory/directory-opening.ts';
import { DirectoryHealth } from './directory/directory-health.ts';
import { STORE_FORMAT_VERSION } from './directory/stamp.ts';
import type { PageStore, PageStoreOptions } from './contracts.ts';
import { createEvictor } from './eviction/evictors.ts';
import { FileTable } from './file-table.ts';
import { HitRings } from './hit-rings.ts';
import { IndexLog } from './index-log/index-log.ts';
import { recoverIndex } from './index-log/recovery.ts';
import { TableRestorer } from './index-log/table-restorer.ts';
import { LocalPageStore } from './local-page-store.ts';
import { PageTable } from './page-table.ts';
import { createSharedTable, type TableViews, viewsOf } from './shared-layout.ts';
import { type StoreSettings, storeSettings } from './store-options.ts';
import type { StoreState } from './store-state.ts';

export type * from './contracts.ts';
export { EVICTOR_NAMES } from './eviction/evictors.ts';
export { attachPageTable } from './page-table-reader.ts';

const STEP_BYTES_MIN = 16 * 1024;
const STEP_BYTES_MAX = 1024 * 1024;
const STEP_SHARE = 1 / 512;

/** Filled in when the store exists: health and log speak to it from their first error on. */
interface Listener {
  store: LocalPageStore | undefined;
}
interface Opening {
  readonly settings: StoreSettings;
  readonly views: TableViews;
  readonly tables: { readonly files: FileTable; readonly pages: PageTable };
  readonly listener: Listener;
}

const stepBytes = (capacityBytes: number): number => {
  const share = Math.ceil((capacityBytes * STEP_SHARE) / STEP_BYTES_MIN) * STEP_BYTES_MIN;
  return Math.min(STEP_BYTES_MAX, Math.max(STEP_BYTES_MIN, share));
};

/** Index, tables and evictor of one directory. */
async function prepareDirectory(opened: OpenedDirectory, number: number, opening: Opening): Promise<PageDirectory> {
  const { settings, views, tables, listener } = opening;
  const { capacityBytes } = settings.directories[number]!;
  const folder = join(opened.path, INDEX_FOLDER);
  const evictor = createEvictor(settings.evictor, settings.pagesMax);
  const recovered = await recoverIndex(folder, settings.pageSizeBytes, new TableRestorer(tables, evictor, number));
  for (const name of recovered.torn) settings.emit({ kind: 'index-damaged', path: join(folder, name) });
  const health = new DirectoryHealth({ path: opened.path, onChange: (state, before) => listener.store?.healthChanged(directory, state, before) });
  const log = new IndexLog(
    { folder, pageSizeBytes: settings.pageSizeBytes, calls: settings.calls, stepBytes: stepBytes(capacityBytes), onError: (error) => health.noteError(error) },
    recovered,
  );
  const abilities = abilitiesOf(opened.path, settings.calls);
  const directory = new PageDirectory({
    number,
    path: opened.path,
    capacityBytes,
    marginShare: settings.marginShare,
    canPunch: abilities.canPunch,
    canHandOut: abilities.canTellOpeners,
    lock: opened.lock,
    evictor,
    health,
    log,
    control: views.control,
  });
  chargeRestored(directory, tables.files);
  return directory;
}

/** What the pages take by their lengths; the sweep puts real blocks in its place. */
function chargeRestored(directory: PageDirectory, files: FileTable): void {
  for (let file = 0; file < files.highWater; file++) {
    if (!files.isAlive(file) || files.directory(file) !== directory.number) continue;
    directory.charge(files, file, directory.blocksOf(files.bytesResident[file]!));
    directory.noteFolder(files.folder(file));
  }
}

/**
 * Opens the directories (creating those whose parent exists), locks and checks them, and restores what they hold, with turns of the event loop in between. No scan: serving
 * begins at once, garbage is collected in the background.
 * @throws InvalidConfiguration (options; a directory that is unwritable, in use, foreign, or another worker's, cluster's, format's or page size's), CacheFull (a new directory
 * on a full disk); nothing is left half done
 */
export async function openPageStore(options: PageStoreOptions): Promise<PageStore> {
  const settings = storeSettings(options);
  const shared = createSharedTable({
    pageSizeBytes: settings.pageSizeBytes,
    pagesMax: settings.pagesMax,
    filesMax: settings.filesMax,
    directories: settings.directories.length,
    hitRings: settings.hitRings,
  });
  const views = viewsOf(shared);
  const files = new FileTable(views, settings.filesMax, settings.pageSizeBytes);
  const pages = new PageTable(views, files, settings.pagesMax);
  const opening: Opening = { settings, views, tables: { files, pages }, listener: { store: undefined } };
  const stamp = { formatVersion: STORE_FORMAT_VERSION, clusterUid: settings.clusterUid, workerUuid: settings.workerUuid, pageSizeBytes: settings.pageSizeBytes };
  const directories = await openDirectories(
    { paths: settings.directories.map(({ path }) => path), stamp, mayReinitialise: settings.reinitialise, calls: settings.calls },
    {
      prepare: (opened, number) => prepareDirectory(opened, number, opening),
      discard: (directory) => directory.log.discard(),
    },
  );
  const state: StoreState = { pageSizeBytes: settings.pageSizeBytes, files, pages, directories, calls: settings.calls, emit: settings.emit };
  const store = new LocalPageStore({
    state,
    shared,
    rings: new HitRings(views, settings.hitRings),
    descriptorsMax: settings.descriptorsMax,
    probeIntervalMs: settings.probeIntervalMs,
  });
  opening.listener.store = store;
  return store;
}
