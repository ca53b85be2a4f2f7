/** Work that is done in slices, one per input of the machine, so that no input takes long; it yields between them. */
export type Job<T> = Generator<void, T, void>;
