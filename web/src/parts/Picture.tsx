/** A picture from the server. With a token its bytes are fetched first, as an <img> cannot send a header. */

import { ImageOff } from "lucide-react";
import { useEffect, useState, type CSSProperties, type ImgHTMLAttributes } from "react";
import { request, token } from "../api/client";
import { useI18n } from "../i18n";

const blobs = new Map<string, Promise<string>>();
const MAX_BLOBS = 150;

function blobOf(address: string): Promise<string> {
  const held = blobs.get(address);
  if (held) return held;
  const blob = request(address)
    .then((response) => response.blob())
    .then((bytes) => URL.createObjectURL(bytes));
  blobs.set(address, blob);
  blob.catch(() => blobs.delete(address));
  const [oldest] = blobs;
  if (blobs.size > MAX_BLOBS && oldest) {
    blobs.delete(oldest[0]);
    void oldest[1].then((url) => URL.revokeObjectURL(url), () => undefined);
  }
  return blob;
}

/** An address that an <img> or <video> can load; null while its bytes are being fetched. */
export function useAddress(address: string | null): { src: string | null; failed: boolean } {
  const plain = address !== null && (!token() || !address.startsWith("/api/"));
  const [loaded, setLoaded] = useState<{ address: string; src: string | null; failed: boolean } | null>(null);
  useEffect(() => {
    if (address === null || plain) return;
    let gone = false;
    blobOf(address).then(
      (src) => gone || setLoaded({ address, src, failed: false }),
      () => gone || setLoaded({ address, src: null, failed: true }),
    );
    return () => {
      gone = true;
    };
  }, [address, plain]);
  if (plain) return { src: address, failed: false };
  return loaded?.address === address ? loaded : { src: null, failed: false };
}

/** The style with which a picture of any size fills its stage and keeps its aspect ratio. */
export const fitted = (width: number, height: number): CSSProperties => ({ aspectRatio: `${width} / ${height}`, width: `min(100%, calc(var(--stage-height) * ${width / height}))` });

/** A picture that fills the stage. */
export function FittedPicture({ src, alt, className = "", testid }: { src: string; alt: string; className?: string; testid?: string }) {
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
  const { t } = useI18n();
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
