/** The hidden file input behind a button; `ref` opens it. */

import type { Ref } from "react";

interface Props { ref: Ref<HTMLInputElement>; label: string; onFiles: (files: File[]) => void; video?: boolean; multiple?: boolean; folder?: boolean }

export function FilePicker({ ref, label, onFiles, video = false, multiple = false, folder = false }: Props) {
  // React's types do not know this attribute.
  const kind = folder ? { webkitdirectory: "" } : { accept: video ? "image/*,video/*" : "image/*", multiple };
  return (
    <input
      ref={ref}
      type="file"
      {...kind}
      className="sr-only"
      tabIndex={-1}
      aria-label={label}
      onChange={(event) => {
        onFiles([...(event.target.files ?? [])]);
        event.target.value = "";
      }}
    />
  );
}
