import { load } from "uprez";
import "uprez/element";

// The browser test calls this.
window.upscale = async (url) => {
  const upscaler = await load("fast-x2");
  const { width, height } = await upscaler.upscale(url, { scale: 1.5 });
  return [width, height];
};
