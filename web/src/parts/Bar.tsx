/** How far something is. */

export function Bar({ share, label, testid }: { share: number | null; label: string; testid?: string }) {
  const percent = share === null ? undefined : Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div className="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent} data-testid={testid}>
      <div className={percent === undefined ? "bar-unknown" : "bar-known"} style={percent === undefined ? undefined : { width: `${percent}%` }} />
    </div>
  );
}
