/** The control for a field: one per kind, and no method is known here. */

import { Check, CloudDownload, Dices, Lock, LockOpen, Star } from "lucide-react";
import { useEffect, useState } from "react";
import type { FieldInfo, Method } from "../api/types";
import { useSpeech } from "../i18n";
import { easel, formOf } from "../store/easel";
import { studio } from "../store/studio";
import { ImageField } from "./ImageField";
import { MaskField } from "./MaskField";
import { Needs, useModel } from "./Needs";
import { NumberInput } from "./NumberInput";
import { ANY_SEED, initialValue, picturesOf, SEED, slide, type Values } from "./values";

export interface ControlProps {
  method: Method; field: FieldInfo; values: Values; value: unknown; onChange: (value: unknown) => void; id: string; describedBy: string | undefined; invalid: boolean;
  lastSeed: number | null;
}

export function Control(props: ControlProps) {
  const { method, field, values, value, onChange, id, describedBy, invalid } = props;
  const subject = field.name === method.subject;
  const now = () => picturesOf(formOf(method, easel.get())[field.name]);
  if (field.name === SEED) return <Seed {...props} />;
  switch (field.kind) {
    case "text":
      return <input id={id} type="text" className="input w-full" value={String(value ?? "")} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value)} />;
    case "long_text":
      return (
        <textarea id={id} rows={subject ? 5 : 3} className="input w-full resize-y" value={String(value ?? "")} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value)} />
      );
    case "int":
    case "float":
      return <Numeric {...props} />;
    case "bool":
      return <input id={id} type="checkbox" role="switch" className="switch" checked={Boolean(value)} aria-describedby={describedBy} onChange={(event) => onChange(event.target.checked)} />;
    case "choice":
      return <Choices {...props} />;
    case "numbers":
      return <Numbers {...props} />;
    case "methods":
      return <Several {...props} />;
    case "image":
      return <ImageField field={field} value={picturesOf(value)} now={now} limit={1} onChange={(ids) => onChange(ids[0] ?? null)} describedBy={describedBy} invalid={invalid} large={subject} />;
    case "images":
      return <ImageField field={field} value={picturesOf(value)} now={now} limit={field.max_items ?? 16} onChange={onChange} describedBy={describedBy} invalid={invalid} large={subject} />;
    case "masks":
      return <MaskField method={method} field={field} values={values} now={now} onChange={onChange} describedBy={describedBy} invalid={invalid} />;
    case "weights":
      return <WeightsSelect {...props} />;
  }
}

function Numeric({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w } = useSpeech();
  const range = slide(field);
  const number = typeof value === "number" ? value : null;
  const at = range?.log && number !== null ? Math.log10(Math.max(number, Number.MIN_VALUE)) : number;
  const move = (position: number) => {
    if (!range) return;
    const near = range.log ? Number((10 ** position).toPrecision(2)) : position;
    const raw = range.log && field.step ? Math.round(near / field.step) * field.step : near;
    const bounded = Math.min(field.maximum ?? field.below ?? raw, Math.max(field.minimum ?? field.above ?? raw, raw));
    onChange(field.kind === "int" ? Math.round(bounded) : Number(bounded.toPrecision(10)));
  };
  return (
    <div className="flex items-center gap-3">
      {range && (
        <input
          type="range"
          className={`slider min-w-0 flex-1 ${number === null ? "slider-unset" : ""}`}
          min={range.min}
          max={range.max}
          step={range.step}
          value={at ?? (range.min + range.max) / 2}
          aria-label={w(field.label)}
          aria-valuetext={number === null ? t("field.auto") : String(number)}
          style={{ "--share": number === null ? "0%" : `${Math.min(1, Math.max(0, ((at ?? range.min) - range.min) / (range.max - range.min))) * 100}%` } as React.CSSProperties}
          onChange={(event) => move(Number(event.target.value))}
        />
      )}
      <NumberInput id={id} value={number} nullable={field.nullable} whole={field.kind === "int"} invalid={invalid} describedBy={describedBy} placeholder={field.nullable ? t("field.auto") : undefined} onChange={onChange} />
      {field.unit && <span className="text-sm text-soft">{field.unit}</span>}
    </div>
  );
}

function Seed({ value, onChange, id, describedBy, invalid, lastSeed }: ControlProps) {
  const { t } = useSpeech();
  const free = value === ANY_SEED;
  const draw = () => onChange(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
  return (
    <div className="flex items-center gap-1">
      {free ? (
        <span className="input flex-1 text-soft" id={id}>
          {t("seed.free")}
        </span>
      ) : (
        <span className="flex-1 [&>input]:w-full">
          <NumberInput id={id} value={typeof value === "number" ? value : null} nullable={false} whole invalid={invalid} describedBy={describedBy} onChange={onChange} />
        </span>
      )}
      <button type="button" className="icon-button" aria-label={t("seed.draw")} title={t("seed.draw")} onClick={draw}>
        <Dices size={18} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-pressed={!free}
        aria-label={t("seed.lock")}
        title={free ? t("seed.lock.hint") : t("seed.unlock.hint")}
        onClick={() => onChange(free ? (lastSeed ?? 0) : ANY_SEED)}
      >
        {free ? <LockOpen size={18} aria-hidden /> : <Lock size={18} aria-hidden />}
      </button>
    </div>
  );
}

/** Up to this many choices are all on show; more go into a list. */
const ON_SHOW = 9;

function Choices({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w } = useSpeech();
  const chosen = field.choices.find((choice) => choice.value === value);
  return (
    <div>
      {field.choices.length > ON_SHOW ? (
        <select id={id} className="input w-full" value={String(value ?? "")} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value || null)}>
          {field.nullable && <option value="">{t("field.auto")}</option>}
          {field.choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {w(choice.label)}
              {choice.best ? ` ★ ${t("choice.best")}` : ""}
            </option>
          ))}
        </select>
      ) : (
        <div role="radiogroup" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="flex flex-wrap gap-1.5" id={id}>
          {field.nullable && <Pill name={id} label={t("field.auto")} checked={value === null} onPick={() => onChange(null)} needs={null} best={false} />}
          {field.choices.map((choice) => (
            <Pill key={choice.value} name={id} value={choice.value} label={w(choice.label)} checked={value === choice.value} onPick={() => onChange(choice.value)} needs={choice.needs} best={choice.best} />
          ))}
        </div>
      )}
      {chosen?.needs && <Needs model={chosen.needs} />}
    </div>
  );
}

function Pill({ name, value, label, checked, onPick, needs, best }: { name: string; value?: string; label: string; checked: boolean; onPick: () => void; needs: string | null; best: boolean }) {
  const { t, w } = useSpeech();
  const model = useModel(needs);
  const missing = model !== undefined && !model.installed;
  return (
    <label className="pill">
      <input type="radio" name={name} value={value} checked={checked} onChange={onPick} className="sr-only" />
      {checked && <Check size={14} aria-hidden className="shrink-0" />}
      <span>{label}</span>
      {best && (
        <span className="badge" title={t("choice.best")}>
          <Star size={11} aria-hidden fill="currentColor" />
          <span className="sr-only">{t("choice.best")}</span>
        </span>
      )}
      {missing && (
        <span title={t("choice.needs", { model: w(model.title) })}>
          <CloudDownload size={14} aria-hidden className="opacity-70" />
          <span className="sr-only">{t("choice.needs", { model: w(model.title) })}</span>
        </span>
      )}
    </label>
  );
}

/** Any of a list, in the order in which they were picked. */
function Several({ field, value, onChange, id, describedBy }: ControlProps) {
  const { w } = useSpeech();
  const picked = Array.isArray(value) ? (value as string[]) : [];
  const toggle = (one: string) => onChange(picked.includes(one) ? picked.filter((other) => other !== one) : [...picked, one]);
  return (
    <div role="group" aria-labelledby={`${id}-label`} aria-describedby={describedBy} className="flex flex-wrap gap-1.5" id={id}>
      {field.choices.map((choice) => (
        <label key={choice.value} className="pill">
          <input type="checkbox" name={id} value={choice.value} checked={picked.includes(choice.value)} onChange={() => toggle(choice.value)} className="sr-only" />
          {picked.includes(choice.value) && <Check size={14} aria-hidden className="shrink-0" />}
          <span>{w(choice.label)}</span>
        </label>
      ))}
    </div>
  );
}

function Numbers({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t } = useSpeech();
  const list = Array.isArray(value) ? (value as number[]) : [];
  const shown = list.map((item) => (Number.isNaN(item) ? "?" : String(item))).join(", ");
  const [text, setText] = useState(shown);
  const read = (typed: string) => typed.split(/[\s,，;]+/).filter(Boolean).map(Number);
  useEffect(() => {
    setText((typed) => (JSON.stringify(read(typed)) === JSON.stringify(list) ? typed : shown));
  }, [shown]); // which stands for `list`
  return (
    <input
      id={id}
      type="text"
      inputMode="decimal"
      className="input tabular w-full"
      placeholder={field.nullable || !field.required ? t("field.auto") : "1, 1"}
      value={text}
      aria-invalid={invalid}
      aria-describedby={describedBy}
      onChange={(event) => {
        setText(event.target.value);
        const numbers = read(event.target.value);
        onChange(numbers.length || !field.nullable ? numbers : null);
      }}
    />
  );
}

function WeightsSelect({ field, value, onChange, id, describedBy, invalid }: ControlProps) {
  const { t, w, bytes } = useSpeech();
  const models = studio.use((state) => state.models);
  const fitting = (models ?? []).filter((model) => !field.holds || model.holds === field.holds);
  const installed = fitting.filter((model) => model.installed);
  const others = fitting.filter((model) => !model.installed);
  const held = typeof value === "string" ? value : "";
  // Nothing chosen and nothing to start from: the first that is here.
  const first = installed[0]?.name;
  useEffect(() => {
    if (!held && field.required && first && initialValue(field) === "") onChange(first);
  }, [first]); // only when the models come in
  return (
    <div>
      <select id={id} className="input w-full" value={held} aria-invalid={invalid} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value || (field.nullable ? null : ""))}>
        {(!held || field.nullable || !field.required) && <option value="">{t(field.required ? "weights.choose" : field.nullable ? "weights.without" : "weights.none")}</option>}
        {held && !fitting.some((model) => model.name === held) && <option value={held}>{held}</option>}
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
      {held && <Needs model={held} />}
      {!held && field.required && installed.length === 0 && others.length > 0 && <p className="note mt-2">{t("weights.noneyet")}</p>}
      {models && fitting.length === 0 && (
        <p className="note mt-2">
          {t("weights.nothing")} {field.source && w(field.source)}
        </p>
      )}
    </div>
  );
}
