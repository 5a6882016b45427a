/** Pictures dropped or pasted on a method's page go to the focused picture field, else to the first empty one. */

import type { Method } from "../api/types";
import { isBlank, isPicture, pictureIds } from "../fields/values";
import { addPictures } from "../form/addPictures";
import { useI18n } from "../i18n";
import { useDropHandler } from "../parts/drop";
import { showToast } from "../parts/toasts";
import { formOf, formState, setValue } from "../store/form";
import { uploads } from "../store/uploads";

export function useMethodDrop(method: Method): void {
  const { t } = useI18n();
  useDropHandler((files) => {
    const valueOf = (name: string) => formOf(method, formState.get())[name];
    // An upload in progress counts as a value: two pictures pasted in a row go to two fields.
    const isEmpty = (name: string) => isBlank(valueOf(name)) && !uploads.get().active[name]?.some((item) => !item.error);
    const fields = method.fields.filter(isPicture);
    const focused = document.activeElement?.closest<HTMLElement>("[data-field]")?.dataset.field;
    // Masks are painted, or dropped on their own field.
    const order = fields.filter((one) => one.kind !== "masks").sort((a, b) => Number(b.name === method.subject) - Number(a.name === method.subject));
    const field = fields.find((one) => one.name === focused) ?? order.find((one) => isEmpty(one.name)) ?? order[0];
    if (!field) return showToast(t("image.nofield"), { bad: true });
    const single = field.kind === "image";
    const limit = single ? 1 : (field.max_items ?? 16);
    const update = (ids: string[]) => setValue(method, field, single ? (ids[0] ?? null) : ids);
    void addPictures(files, field, limit, () => pictureIds(valueOf(field.name)), update);
  });
}
