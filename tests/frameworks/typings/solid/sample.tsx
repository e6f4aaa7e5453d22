import "uprez/element";
import "uprez/solid";

export const right = (
  <>
    <img src="a.jpg" data-upscale="" data-upscale-engine="cpu" data-upscale-budget={5} alt="" />
    <uprez-img src="a.jpg" srcset="a.jpg 2x" width={200} alt="" model="fast-x2" engine="auto" budget="5" />
    <uprez-img id="wrapped" on:uprez-sharp={({ detail }) => console.log(detail.width)}>
      <img src="a.jpg" alt="" />
    </uprez-img>
  </>
);

export const wrong = (
  <>
    {/* @ts-expect-error: there is no such engine */}
    <img data-upscale="" data-upscale-engine="gpu" alt="" />
    {/* @ts-expect-error: true would be the name of a model */}
    <img data-upscale alt="" />
    {/* @ts-expect-error: there is no such engine */}
    <uprez-img engine="gpu" />
    {/* @ts-expect-error: an attribute that does not exist */}
    <uprez-img modle="fast-x2" />
  </>
);
