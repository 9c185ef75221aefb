# SPDX-License-Identifier: Apache-2.0
"""Objects drawn into the axes of matplotlib, which is wanted here and nowhere else."""
import numpy as np

CROWD = np.array([2, 166, 101]) / 255


def show(coco, anns, draw_bbox):
    if len(anns) == 0:
        return 0
    if 'segmentation' in anns[0] or 'keypoints' in anns[0]:
        return show_instances(coco, anns, draw_bbox)
    if 'caption' not in anns[0]:
        raise ValueError('annotations without segmentation, keypoints and caption: there is nothing to show')
    for ann in anns:
        print(ann['caption'])


def show_instances(coco, anns, draw_bbox):
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Polygon

    axes = plt.gca()
    axes.set_autoscale_on(False)
    outlines, colours = [], []
    for ann in anns:
        colour = (np.random.random(3) * 0.6 + 0.4).tolist()
        corners = []
        if isinstance(ann.get('segmentation'), list):
            corners += [np.array(part, dtype=float).reshape(-1, 2) for part in ann['segmentation']]
        elif 'segmentation' in ann:
            show_mask(axes, coco.annToMask(ann), CROWD if ann['iscrowd'] == 1 else np.random.random(3))
        if isinstance(ann.get('keypoints'), list):
            show_points(axes, ann, coco.loadCats(ann['category_id'])[0]['skeleton'], colour)
        if draw_bbox:
            x, y, width, height = ann['bbox']
            corners.append(np.array([[x, y], [x, y + height], [x + width, y + height], [x + width, y]]))
        outlines += [Polygon(part) for part in corners]
        colours += [colour] * len(corners)
    axes.add_collection(PatchCollection(outlines, facecolor=colours, linewidths=0, alpha=0.4))
    axes.add_collection(PatchCollection(outlines, facecolor='none', edgecolors=colours, linewidths=2))


def show_mask(axes, mask, colour):
    """Half transparent."""
    pixels = np.ones(mask.shape + (4,))
    pixels[:, :, :3] = colour
    pixels[:, :, 3] = mask * 0.5
    axes.imshow(pixels)


def show_points(axes, ann, skeleton, colour):
    """Bones between points that are labelled; points that are hidden have a dark edge."""
    points = np.array(ann['keypoints'])
    x, y, seen = points[0::3], points[1::3], points[2::3]
    for bone in np.array(skeleton, dtype=int).reshape(-1, 2) - 1:
        if (seen[bone] > 0).all():
            axes.plot(x[bone], y[bone], linewidth=3, color=colour)
    for least, edge in ((0, 'k'), (1, colour)):
        axes.plot(x[seen > least], y[seen > least], 'o', markersize=8, markerfacecolor=colour, markeredgecolor=edge,
                  markeredgewidth=2)
