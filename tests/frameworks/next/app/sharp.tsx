"use client";

import { useEffect } from "react";
import { load } from "uprez";
import "uprez/element";
import "uprez/react";

declare global {
  interface Window {
    upscale: (url: string) => Promise<[number, number]>;
  }
}

/** An image that is sharpened in place. */
export function Sharp({ src }: { src: string }) {
  useEffect(() => {
    // The browser test calls this.
    window.upscale = async (url) => {
      const upscaler = await load("fast-x2");
      const { width, height } = await upscaler.upscale(url, { scale: 1.5 });
      return [width, height];
    };
  }, []);
  return <img src={src} data-upscale="" width={88} height={60} alt="Waves" />;
}
