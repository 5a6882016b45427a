/** A picture of the server's. With a token its bytes are fetched first: an <img> cannot carry a header. */

import { ImageOff } from "lucide-react";
import { useEffect, useState, type CSSProperties, type ImgHTMLAttributes } from "react";
import { request, token } from "../api/client";
import { useSpeech } from "../i18n";

const blobs = new Map<string, Promise<string>>();
const KEPT = 150;

function blobOf(address: string): Promise<string> {
  const held = blobs.get(address);
  if (held) return held;
  const coming = request(address)
    .then((response) => response.blob())
    .then((blob) => URL.createObjectURL(blob));
  blobs.set(address, coming);
  coming.catch(() => blobs.delete(address));
  const [oldest] = blobs;
  if (blobs.size > KEPT && oldest) {
    blobs.delete(oldest[0]);
    void oldest[1].then(URL.revokeObjectURL, () => undefined);
  }
  return coming;
}

/** An address an <img> or <video> can load; null while its bytes are on their way. */
export function useAddress(address: string | null): { src: string | null; failed: boolean } {
  const plain = address !== null && (!token() || !address.startsWith("/api/"));
  const [held, setHeld] = useState<{ address: string; src: string | null; failed: boolean } | null>(null);
  useEffect(() => {
    if (address === null || plain) return;
    let gone = false;
    blobOf(address).then(
      (src) => gone || setHeld({ address, src, failed: false }),
      () => gone || setHeld({ address, src: null, failed: true }),
    );
    return () => {
      gone = true;
    };
  }, [address, plain]);
  if (plain) return { src: address, failed: false };
  return held?.address === address && held ? held : { src: null, failed: false };
}

/** The style by which a picture fills its stage, large or small as it may be, and keeps its shape. */
export const fitted = (width: number, height: number): CSSProperties => ({ aspectRatio: `${width} / ${height}`, width: `min(100%, calc(var(--stage-height) * ${width / height}))` });

/** A picture that fills the stage. */
export function Hanging({ src, alt, className = "", testid }: { src: string; alt: string; className?: string; testid?: string }) {
  const [size, setSize] = useState<{ width: number; height: number } | null>(null);
  return (
    <Picture
      src={src}
      alt={alt}
      className={`hung ${className}`}
      data-testid={testid}
      style={size ? fitted(size.width, size.height) : undefined}
      onLoad={(event) => setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
    />
  );
}

type Props = Omit<ImgHTMLAttributes<HTMLImageElement>, "src"> & { src: string; alt: string; "data-testid"?: string };

export function Picture({ src, alt, className = "", ...rest }: Props) {
  const address = useAddress(src);
  const [broken, setBroken] = useState<string | null>(null);
  const { t } = useSpeech();
  if (address.failed || broken === src)
    return (
      <span className={`flex flex-col items-center justify-center gap-1 bg-mount text-xs text-soft ${className}`} role="img" aria-label={alt || t("picture.gone")}>
        <ImageOff size={20} aria-hidden />
        {t("picture.gone")}
      </span>
    );
  if (!address.src) return <span className={`block bg-mount ${className}`} aria-hidden />;
  return <img src={address.src} alt={alt} className={className} decoding="async" onError={() => setBroken(src)} {...rest} />;
}
