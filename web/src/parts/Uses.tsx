/** Where a model is used: a click opens the method with the model selected. */

import { ArrowRight } from "lucide-react";
import type { Method, ModelInfo } from "../api/types";
import { useI18n } from "../i18n";
import { methodPath } from "../lib/route";
import { setValue } from "../store/form";
import { useMethods } from "../store/queries";

const NONE: Method[] = [];

export function Uses({ model }: { model: ModelInfo }) {
  const { t, w } = useI18n();
  const methods = useMethods() ?? NONE;
  return methods
    .filter((method) => method.family !== "train")
    .map((method) => {
      const field = method.fields.find((one) => one.kind === "weights" && one.holds === model.holds);
      return field ? (
        <a key={method.name} href={methodPath(method.name)} className="button" onClick={() => setValue(method, field, model.name)} data-testid={`use-in-${method.name}`}>
          <ArrowRight size={16} aria-hidden className="shrink-0" />
          {t("models.use", { method: w(method.title) })}
        </a>
      ) : null;
    });
}
