/** Masks: painted over the picture they apply to, or chosen as files. */

import { Brush } from "lucide-react";
import { useState } from "react";
import type { FieldInfo, Method } from "../api/types";
import { pictureIds, type Values } from "../fields/values";
import { useI18n } from "../i18n";
import { MaskDialog } from "../masks/MaskDialog";
import { ImageField } from "./ImageField";

interface Props { method: Method; field: FieldInfo; values: Values; now: () => string[]; onChange: (ids: string[]) => void; describedBy: string | undefined; invalid: boolean }

export function MaskField({ method, field, values, now, onChange, describedBy, invalid }: Props) {
  const { t, w, list } = useI18n();
  const [open, setOpen] = useState(false);
  const masks = pictureIds(values[field.name]);
  const valueOf = (name: string | null): string[] => (name === null ? [] : pictureIds(values[name]));
  const per = valueOf(field.per);
  // All masks lie over the same picture, or each over the picture it belongs to.
  const over = field.over === field.per ? per : per.flatMap(() => valueOf(field.over).slice(0, 1));
  const missing = [...new Set([field.over, field.per])].filter((name) => !valueOf(name).length);
  const lacking = method.fields.filter((one) => missing.includes(one.name)).map((one) => w(one.label));
  return (
    <>
      <button type="button" className="button mb-2 w-full" disabled={missing.length > 0} onClick={() => setOpen(true)} data-testid="mask-open">
        <Brush size={16} aria-hidden />
        {t(masks.length ? "mask.edit" : "mask.draw")}
      </button>
      {missing.length > 0 && <p className="mb-2 text-xs text-soft">{t("mask.first", { fields: list(lacking) })}</p>}
      <ImageField field={field} value={masks} now={now} limit={per.length || (field.max_items ?? 16)} corners={per} onChange={onChange} describedBy={describedBy} invalid={invalid} large={false} />
      {open && (
        <MaskDialog
          title={w(field.label)}
          target={field.name}
          over={over}
          per={per}
          masks={masks}
          onApply={(ids) => {
            onChange(ids);
            setOpen(false);
          }}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
