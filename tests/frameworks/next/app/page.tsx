import { Sharp } from "./sharp";

export default function Page() {
  return <Sharp src="/image.png" />;
}
