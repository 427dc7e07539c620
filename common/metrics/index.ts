// Door for prom-client: one registry per process, created in main.ts and passed in. Each component's `metrics.ts` is its whole catalogue.
import { collectDefaultMetrics, Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry } from 'prom-client';
import { CacheError } from '../errors/index.ts';

export interface Counter {
  inc(by?: number): void;
}
export interface Gauge {
  set(value: number): void;
  inc(by?: number): void;
  dec(by?: number): void;
}
export interface Histogram {
  observe(value: number): void;
}

/** A metric with labels. `with` resolves a child once, outside busy paths; the values of a label come from a closed set. */
export interface Labelled<Label extends string, Child> {
  with(labels: Readonly<Record<Label, string>>): Child;
}

export interface MetricOptions<Label extends string = never> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}
export interface HistogramOptions<Label extends string = never> extends MetricOptions<Label> {
  /** Upper bounds, ascending, in the metric's unit. */
  readonly buckets: readonly number[];
}
export interface ObservedGaugeOptions {
  readonly name: string;
  readonly help: string;
  /** Called at each scrape. */
  readonly read: () => number;
}
export interface ObservedCounterOptions extends ObservedGaugeOptions {}

export interface MetricsRegistry {
  counter(options: MetricOptions): Counter;
  counter<L extends string>(options: MetricOptions<L> & { readonly labels: readonly L[] }): Labelled<L, Counter>;
  gauge(options: MetricOptions): Gauge;
  gauge<L extends string>(options: MetricOptions<L> & { readonly labels: readonly L[] }): Labelled<L, Gauge>;
  histogram(options: HistogramOptions): Histogram;
  histogram<L extends string>(options: HistogramOptions<L> & { readonly labels: readonly L[] }): Labelled<L, Histogram>;
  /** Value kept elsewhere, read when scraped. */
  observedGauge(options: ObservedGaugeOptions): void;
  /** Count kept elsewhere (a thread's shared memory, say), read when scraped; it must not go down. */
  observedCounter(options: ObservedCounterOptions): void;
  /** Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Seconds: from a cached page to a slow UFS. */
export const SECONDS_BUCKETS: readonly number[] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Bytes: 512 B to 64 MiB. */
export const BYTES_BUCKETS: readonly number[] = [512, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

type AnyOptions = MetricOptions<string> & { readonly buckets?: readonly number[] };
type Maker<M> = new (configuration: { name: string; help: string; labelNames: string[]; registers: Registry[]; buckets: number[] }) => M;

class ProcessMetrics implements MetricsRegistry {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  counter<L extends string>(options: MetricOptions<L>): Counter & Labelled<L, Counter> {
    return this.#make(PromCounter as unknown as Maker<LabelledMetric>, options) as unknown as Counter & Labelled<L, Counter>;
  }
  gauge<L extends string>(options: MetricOptions<L>): Gauge & Labelled<L, Gauge> {
    return this.#make(PromGauge as unknown as Maker<LabelledMetric>, options) as unknown as Gauge & Labelled<L, Gauge>;
  }
  histogram<L extends string>(options: HistogramOptions<L>): Histogram & Labelled<L, Histogram> {
    return this.#make(PromHistogram as unknown as Maker<LabelledMetric>, options) as unknown as Histogram & Labelled<L, Histogram>;
  }

  observedGauge(options: ObservedGaugeOptions): void {
    this.#refuseTwin(options.name);
    new PromGauge({
      name: options.name,
      help: options.help,
      registers: [this.#registry],
      collect() {
        this.set(options.read());
      },
    });
  }

  observedCounter(options: ObservedCounterOptions): void {
    this.#refuseTwin(options.name);
    new PromCounter({
      name: options.name,
      help: options.help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(Math.max(0, options.read()));
      },
    });
  }

  #make(Metric: Maker<LabelledMetric>, options: AnyOptions): unknown {
    this.#refuseTwin(options.name);
    const labelNames = [...(options.labels ?? [])];
    const metric = new Metric({ name: options.name, help: options.help, labelNames, registers: [this.#registry], buckets: [...(options.buckets ?? [])] });
    return labelNames.length === 0 ? metric : { with: (labels: Record<string, string>) => metric.labels(labels) };
  }

  #refuseTwin(name: string): void {
    if (this.#registry.getSingleMetric(name) !== undefined) throw new CacheError('Internal', `The metric ${name} is registered twice.`);
  }
}
interface LabelledMetric {
  labels(labels: Record<string, string>): unknown;
}

export interface MetricsOptions {
  /** Labels of every sample, e.g. {component: 'worker'}. */
  readonly labels?: Readonly<Record<string, string>>;
  /** CPU, memory, event loop, file descriptors of the process. Default true. */
  readonly processMetrics?: boolean;
}

export function createMetrics(options: MetricsOptions = {}): MetricsRegistry {
  const registry = new Registry();
  if (options.labels !== undefined) registry.setDefaultLabels(options.labels);
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  return new ProcessMetrics(registry);
}
