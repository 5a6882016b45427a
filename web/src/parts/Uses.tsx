/** Where a model is used: a click opens the room with the model chosen. */

import { ArrowRight } from "lucide-react";
import type { Method, ModelInfo } from "../api/types";
import { useSpeech } from "../i18n";
import { setValue } from "../store/easel";
import { studio } from "../store/studio";
import { roomPath } from "./route";

const NONE: Method[] = [];

export function Uses({ model }: { model: ModelInfo }) {
  const { t, w } = useSpeech();
  const methods = studio.use((state) => state.methods) ?? NONE;
  return methods
    .filter((method) => method.family !== "train")
    .map((method) => {
      const field = method.fields.find((one) => one.kind === "weights" && one.holds === model.holds);
      return field ? (
        <a key={method.name} href={roomPath(method.name)} className="button" onClick={() => setValue(method, field, model.name)} data-testid={`use-in-${method.name}`}>
          <ArrowRight size={16} aria-hidden className="shrink-0" />
          {t("models.use", { method: w(method.title) })}
        </a>
      ) : null;
    });
}
