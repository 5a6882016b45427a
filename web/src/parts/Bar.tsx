/** A progress bar. `done` goes from 0 to 1; null where it is not known. */

export function Bar({ done, label, testid }: { done: number | null; label: string; testid?: string }) {
  const percent = done === null ? undefined : Math.round(Math.min(1, Math.max(0, done)) * 100);
  return (
    <div className="h-1.5 overflow-hidden rounded-[3px] bg-ink/14" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent} data-testid={testid}>
      {percent === undefined ? (
        <div className="h-full w-[30%] animate-wander rounded-[3px] bg-seal" />
      ) : (
        <div className="h-full rounded-[3px] bg-seal transition-[width] duration-200 ease-linear" style={{ width: `${percent}%` }} />
      )}
    </div>
  );
}
