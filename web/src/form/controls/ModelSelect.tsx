/** A model for a field: those on this machine, then those that can be downloaded. */

import { useEffect } from "react";
import type { FieldInfo, ModelInfo } from "../../api/types";
import { initialValue } from "../../fields/values";
import { useI18n } from "../../i18n";
import { useModels } from "../../store/queries";
import type { ControlProps } from "../Control";
import { Needs } from "../Needs";

/** The label of the empty choice: the built-in models are used where there are any. */
function useEmptyLabel(field: FieldInfo, fitting: ModelInfo[]): string {
  const { t, w, either } = useI18n();
  if (field.required) return t("weights.choose");
  const builtin = fitting.filter((model) => model.builtin);
  if (builtin.length) return either(builtin.map((model) => w(model.title)));
  return t(field.nullable ? "weights.without" : "weights.none");
}

export function ModelSelect({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w, bytes } = useI18n();
  const models = useModels();
  const fitting = (models ?? []).filter((model) => !field.holds || model.holds === field.holds);
  const installed = fitting.filter((model) => model.installed);
  const others = fitting.filter((model) => !model.installed);
  const selected = typeof value === "string" ? value : "";
  const empty = useEmptyLabel(field, fitting);
  const first = installed[0]?.name;
  const useFirst = !selected && field.required && first !== undefined && initialValue(field) === "";
  // A required model without a default is preselected once the list has arrived.
  useEffect(() => {
    if (useFirst) onChange(first);
  }, [useFirst, first, onChange]);
  return (
    <div>
      <select id={id} className="input w-full" value={selected} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value || (field.nullable ? null : ""))}>
        {(!selected || field.nullable || !field.required) && <option value="">{empty}</option>}
        {selected && !fitting.some((model) => model.name === selected) && <option value={selected}>{selected}</option>}
        {installed.length > 0 && (
          <optgroup label={t("weights.installed")}>
            {installed.map((model) => (
              <option key={model.name} value={model.name}>
                {w(model.title)}
              </option>
            ))}
          </optgroup>
        )}
        {others.length > 0 && (
          <optgroup label={t("weights.others")}>
            {others.map((model) => (
              <option key={model.name} value={model.name}>
                {w(model.title)}
                {model.bytes === null ? "" : ` · ${bytes(model.bytes)}`}
              </option>
            ))}
          </optgroup>
        )}
      </select>
      {selected && <Needs model={selected} />}
      {!selected && field.required && installed.length === 0 && others.length > 0 && <p className="note mt-2">{t("weights.noneyet")}</p>}
      {models && fitting.length === 0 && (
        <p className="note mt-2">
          {t("weights.nothing")} {field.source && w(field.source)}
        </p>
      )}
    </div>
  );
}
