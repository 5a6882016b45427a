/** The seed: random each time, or fixed. */

import { Dices, Lock, LockOpen } from "lucide-react";
import { ANY_SEED } from "../../fields/values";
import { useI18n } from "../../i18n";
import type { ControlProps } from "../Control";
import { NumberInput } from "./NumberInput";

export function Seed({ value, onChange, id, describedBy, invalid, lastSeed }: ControlProps) {
  const { t } = useI18n();
  const random = value === ANY_SEED;
  const roll = () => onChange(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
  return (
    <div className="flex items-center gap-1">
      {random ? (
        <span className="input flex-1 text-soft" id={id}>
          {t("seed.free")}
        </span>
      ) : (
        <span className="flex-1 [&>input]:w-full">
          <NumberInput id={id} value={typeof value === "number" ? value : null} nullable={false} whole invalid={invalid} describedBy={describedBy} onChange={onChange} />
        </span>
      )}
      <button type="button" className="icon-button" aria-label={t("seed.draw")} title={t("seed.draw")} onClick={roll}>
        <Dices size={18} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-pressed={!random}
        aria-label={t("seed.lock")}
        title={random ? t("seed.lock.hint") : t("seed.unlock.hint")}
        onClick={() => onChange(random ? (lastSeed ?? 0) : ANY_SEED)}
      >
        {random ? <LockOpen size={18} aria-hidden /> : <Lock size={18} aria-hidden />}
      </button>
    </div>
  );
}
