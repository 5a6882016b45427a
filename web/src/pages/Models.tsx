/** The models on this machine, and those that can be downloaded. */

import { CircleCheck, PenLine, Trash2 } from "lucide-react";
import { useState } from "react";
import { api } from "../api/requests";
import type { ModelInfo } from "../api/types";
import { DownloadButton, useDownload } from "../form/Needs";
import { useI18n } from "../i18n";
import { showToast, withErrorToast } from "../parts/toasts";
import { Uses } from "../parts/Uses";
import { reloadModels, useHealth, useModels } from "../store/queries";

/** What a search looks through: names, titles, kinds, families and trigger words in both languages. */
const textOf = (model: ModelInfo): string =>
  [model.name, model.title.en, model.title.zh, model.kind.en, model.kind.zh, model.family?.en, model.family?.zh, ...model.trigger_words].join(" ").toLowerCase();

export function Models() {
  const { t, bytes } = useI18n();
  // Files may have been added to the folders meanwhile.
  const models = useModels({ fresh: true });
  const health = useHealth();
  const [search, setSearch] = useState("");
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (models ?? []).filter((model) => words.every((word) => textOf(model).includes(word)));
  const installed = found.filter((model) => model.installed);
  const others = found.filter((model) => !model.installed);
  return (
    <div className="mx-auto flex max-w-4xl flex-col gap-8 px-4 py-6 sm:px-8">
      <header>
        <h1 className="title text-3xl">{t("models")}</h1>
        <p className="mt-1 text-soft">{t("models.lead")}</p>
        {health && <p className="mt-1 text-sm text-soft tabular-nums">{t("models.machine", { device: health.device, free: bytes(health.disk_free), version: health.version })}</p>}
      </header>
      {models !== null && (
        <>
          <input type="search" className="input w-full" value={search} placeholder={t("models.search")} aria-label={t("models.search")} onChange={(event) => setSearch(event.target.value)} data-testid="model-search" />
          <List title={t("models.installed")} models={installed} empty={t(words.length ? "models.nothing" : "models.none")} />
          {others.length > 0 && <List title={t("models.others")} models={others} empty="" />}
        </>
      )}
    </div>
  );
}

function List({ title, models, empty }: { title: string; models: ModelInfo[]; empty: string }) {
  return (
    <section>
      <h2 className="title mb-2 border-b border-line pb-1 text-xl">{title}</h2>
      {models.length ? (
        <ul>
          {models.map((model) => (
            <Row key={model.name} model={model} />
          ))}
        </ul>
      ) : (
        <p className="py-4 text-soft">{empty}</p>
      )}
    </section>
  );
}

/** The name as a button; a click makes it a text box. */
function Rename({ model }: { model: ModelInfo }) {
  const { t } = useI18n();
  const [name, setName] = useState<string | null>(null);
  if (name === null)
    return (
      <button type="button" className="button-plain" onClick={() => setName(model.name)}>
        <PenLine size={15} aria-hidden />
        {t("models.rename")}
      </button>
    );
  const save = () =>
    void withErrorToast(async () => {
      if (name !== model.name) await api.renameModel(model.name, name);
      setName(null);
      await reloadModels();
    });
  return (
    <form
      className="flex w-full gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <input type="text" className="input w-full min-w-0" value={name} autoFocus required maxLength={80} aria-label={t("models.rename.to")} onChange={(event) => setName(event.target.value)} onKeyDown={(event) => event.key === "Escape" && setName(null)} />
      <button type="submit" className="button shrink-0 whitespace-nowrap">
        {t("models.rename.save")}
      </button>
    </form>
  );
}

function Row({ model }: { model: ModelInfo }) {
  const { t, w, bytes } = useI18n();
  const job = useDownload(model.name);
  const [sure, setSure] = useState(false);
  const size = model.bytes === null ? null : bytes(model.bytes);
  const facts = [t("models.holds", { what: w(model.kind) }), model.rank && t("models.rank", { rank: model.rank }), size, model.licence && w(model.licence), model.origin && t("models.from", { place: model.origin })];
  return (
    <li className="grid gap-x-6 gap-y-2 border-b border-line py-4 sm:grid-cols-[1fr_14rem]" data-testid={`model-${model.name}`}>
      <div className="min-w-0">
        <h3 className="font-medium break-words">
          {w(model.title)} {model.family && <span className="badge">{w(model.family)}</span>} {model.title.en !== model.name && <code className="ml-1 text-xs text-soft">{model.name}</code>}
        </h3>
        {model.about && <p className="mt-0.5 text-sm text-soft">{w(model.about)}</p>}
        <p className="mt-1 text-xs break-words text-soft tabular-nums">{facts.filter(Boolean).join(" · ")}</p>
        {model.trigger_words.length > 0 && <p className="mt-1 text-xs break-words">{t("models.triggers", { words: model.trigger_words.join(", ") })}</p>}
        {model.fault && <p className="mt-1 text-sm break-words text-bad">{t("models.fault", { fault: model.fault })}</p>}
      </div>
      <div className="flex flex-col items-start justify-center gap-2 sm:items-end [&_.button]:sm:self-end">
        {model.installed ? (
          <>
            <Uses model={model} />
            {!model.fault && (
              <span className="flex items-center gap-1.5 text-sm text-good">
                <CircleCheck size={16} aria-hidden />
                {t(model.builtin ? "models.builtin" : "models.here")}
              </span>
            )}
            {model.renamable && <Rename model={model} />}
            {model.removable && (
              <button
                type="button"
                className={sure ? "button-bad" : "button-plain"}
                onBlur={() => setSure(false)}
                onClick={() => {
                  if (!sure) return setSure(true);
                  void withErrorToast(async () => {
                    await api.removeModel(model.name);
                    await reloadModels();
                    const undo = () =>
                      void withErrorToast(async () => {
                        await api.restoreModel(model.name);
                        await reloadModels();
                      });
                    // A pulled model can be pulled again; one of the user's own is in the trash.
                    showToast(t("models.removed", { model: w(model.title) }), model.pullable ? {} : { action: { label: t("undo"), run: undo } });
                  });
                }}
              >
                <Trash2 size={15} aria-hidden />
                {sure ? t("models.sure") : t("models.remove")}
              </button>
            )}
          </>
        ) : (
          <DownloadButton model={model} job={job} />
        )}
      </div>
    </li>
  );
}
