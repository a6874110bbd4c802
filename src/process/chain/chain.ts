/**
 * The chain of one file: its steps and outputs, connected.
 * Guarantees: an unknown first step is refused before the first record.
 */
import { type ProcessOptions, REJECT } from '../../base/config/values/process.js';
import type { Columns, Read } from '../formats/columns.js';
import { Unloadable } from '../formats/fault.js';
import type { Row } from '../formats/format.js';
import { decoderOf } from '../formats/text.js';
import { Check } from './check.js';
import { readOf } from './column-test.js';
import { blamed, type ModuleSteps } from './module.js';
import { BATCH_MAX, Emitter, isOwn, ModuleStep, type Surroundings } from './module-step.js';
import type { Outputs } from './outputs.js';
import type { Node, Run } from './run.js';
import { Split } from './split.js';

export class Chain {
  readonly #nodes = new Map<string, Node>();
  readonly #start: Node;
  readonly #around: Surroundings;
  readonly #builtIn: (Check | Split)[] = [];
  readonly #moduleSteps: ModuleStep[] = [];

  constructor(
    private readonly run: Run,
    private readonly outputs: Outputs,
    private readonly module: ModuleSteps | undefined,
    path: string | undefined,
  ) {
    const { options } = run;
    this.#around = { run, outputs, nodes: this.#nodes, path };
    for (const [name, call] of Object.entries(module ?? {})) if (name !== 'end') this.#addModuleStep(name, call!);
    const reserved = new Set([REJECT, ...tagsOf(options), ...Object.keys(options.steps), ...this.#nodes.keys()]);
    for (const [name, step] of Object.entries(options.steps)) {
      const node = step.use === 'check' ? new Check(run, step) : new Split(run, step, outputs, reserved);
      this.#builtIn.push(node);
      this.#nodes.set(name, node);
    }
    this.#connect();
    const start = this.#nodes.get(options.start);
    if (start === undefined) {
      const known = [...this.#nodes.keys()].join(', ');
      throw new Unloadable(`start: ${options.start} is no step; the chain has ${known || 'none'}`);
    }
    this.#start = start;
    run.format.declare(typesOf(options));
  }

  #addModuleStep(name: string, call: unknown): void {
    if (Object.hasOwn(this.run.options.steps, name))
      throw new Unloadable(`the step ${name} is in the configuration and in the module; rename one`);
    const size = name === 'batch' ? BATCH_MAX : 1;
    const step = new ModuleStep(name, call as ConstructorParameters<typeof ModuleStep>[1], size, this.#around);
    this.#moduleSteps.push(step);
    this.#nodes.set(name, step);
  }

  #connect(): void {
    for (const [name, step] of Object.entries(this.run.options.steps)) {
      const node = this.#nodes.get(name) as Check | Split;
      if (step.else !== undefined) node.else = this.#target(step.else);
      if (step.use === 'check' && step.next !== undefined) (node as Check).next = this.#target(step.next);
    }
  }

  /** Returns a step, or an output that is created at its first record. */
  #target(tag: string): Node {
    return this.#nodes.get(tag) ?? { take: (row) => this.outputs.of(tag).take(row) };
  }

  /** Called before the first record, also if the file has no record. The header comes to all steps that records reach without the module. */
  begin(columns: Columns | undefined): void {
    const reached = new Set<Node | undefined>([this.#start]);
    for (const node of reached) {
      if (!(node instanceof Check || node instanceof Split)) continue;
      node.bind(columns);
      reached.add(node.else);
      if (node instanceof Check) reached.add(node.next);
    }
  }

  take(row: Row): void {
    this.#start.take(row);
  }

  /** Resolves when no record waits for a full batch and no step awaits anything. */
  async drain(): Promise<void> {
    do await this.run.idle();
    while (this.#moduleSteps.some((step) => step.flush()));
    await this.run.idle();
  }

  /** Called after the last record. */
  async end(): Promise<void> {
    await this.drain();
    if (this.module?.end !== undefined) {
      const emitter = new Emitter(this.#around, { name: 'end', node: undefined, up: undefined }, undefined);
      try {
        await this.module.end(emitter.emit);
      } catch (error) {
        const { failure } = this.run;
        if (failure !== undefined || isOwn(error)) throw failure ?? error;
        throw this.run.heldAt('process_failed', `end failed: ${blamed(error, this.#around.path)}`, undefined);
      }
      emitter.over = true;
      await this.drain();
    }
    for (const node of this.#builtIn) if (node instanceof Check) node.end();
  }
}

/** The tags in the configuration. */
const tagsOf = ({ steps }: ProcessOptions): string[] =>
  Object.values(steps).flatMap((step) => [step.else, step.use === 'check' ? step.next : undefined].filter(isTag));

const isTag = (tag: string | undefined): tag is string => tag !== undefined;

/** The conversions for the columns that a `check` declares. */
function typesOf({ steps, format, encoding }: ProcessOptions): Map<string, Read> {
  const typed = new Map<string, Read>();
  const decode = decoderOf(encoding);
  if (format !== 'csv') return typed;
  for (const step of Object.values(steps)) {
    if (step.use !== 'check') continue;
    for (const [name, { type }] of Object.entries(step.columns)) {
      const read = readOf(type, decode);
      if (read) typed.set(name, read);
    }
  }
  return typed;
}
