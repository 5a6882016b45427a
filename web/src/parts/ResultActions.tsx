/** What can be done with a result: compare, zoom, download, use it, draw it again. */

import { Columns2, Dices, Download, FileText, Settings2, Undo2, ZoomIn } from "lucide-react";
import type { ReactNode } from "react";
import type { Job, Output } from "../api/types";
import { useI18n } from "../i18n";
import { useModels } from "../store/queries";
import { download, hasSeed, runWithNewSeed, takeAsInput, takeSettings } from "./actions";
import { isImage, isVideo, trainedModel } from "./jobInfo";
import { Uses } from "./Uses";

interface Props {
  job: Job;
  output: Output;
  /** Whether the picture is being compared; null where it cannot be. */
  comparing: boolean | null;
  onCompare: () => void;
  onZoom: () => void;
  /** The list of pictures to compare with. */
  rivals: ReactNode;
  /** In the gallery's dialog, where settings and runs have buttons of their own. */
  inDialog: boolean;
}

export function ResultActions({ job, output, comparing, onCompare, onZoom, rivals, inDialog }: Props) {
  const { t } = useI18n();
  const trained = trainedModel(job);
  const model = useModels()?.find((one) => one.name === trained && one.installed);
  const picture = isImage(output) && !isVideo(output);
  const files = job.outputs.filter((one) => one !== output && !isImage(one) && !isVideo(one));
  return (
    <div className="mt-3 flex w-full flex-wrap items-center justify-center gap-1.5">
      {comparing !== null && <Action icon={<Columns2 size={16} aria-hidden />} label={t("compare")} pressed={comparing} onClick={onCompare} testid="compare-toggle" />}
      {rivals}
      {picture && <Action icon={<ZoomIn size={16} aria-hidden />} label={t("zoom")} onClick={onZoom} testid="zoom-open" />}
      <Action icon={<Download size={16} aria-hidden />} label={t("download")} onClick={() => void download(output)} testid="download" />
      {files.map((file) => (
        <Action key={file.name} icon={<FileText size={16} aria-hidden />} label={file.name} onClick={() => void download(file)} testid={`download-${file.name}`} />
      ))}
      {model && <Uses model={model} />}
      {picture && !model && <Action icon={<Undo2 size={16} aria-hidden />} label={t("useasinput")} onClick={() => takeAsInput(output)} testid="use-as-input" />}
      {!inDialog && <Action icon={<Settings2 size={16} aria-hidden />} label={t("settings.use")} onClick={() => void takeSettings(job.params)} testid="take-settings" />}
      {picture && hasSeed(job) && <Action icon={<Dices size={16} aria-hidden />} label={t("newseed")} onClick={() => void runWithNewSeed(job)} testid="new-seed" />}
    </div>
  );
}

interface ActionProps { icon: ReactNode; label: string; pressed?: boolean; onClick: () => void; testid: string }

function Action({ icon, label, pressed, onClick, testid }: ActionProps) {
  return (
    <button type="button" className="button" aria-pressed={pressed} onClick={onClick} data-testid={testid}>
      {icon}
      {label}
    </button>
  );
}
