/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_labelled.c -- a dataset read as a set, written as another form, and read again:
 * what was written is read, and has as many pictures. The first byte chooses the form, the second the
 * other one; parts between zero bytes are its files.
 */
#include <stdio.h>
#include <stdlib.h>

#include "datasets/datasets.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    DfLabelledForm form;
    const char *dir;
    const char *picture[2];
    const char *files[3];
} Form;

static const Form forms[] = {
    { DF_LABELLED_COCO, "set/coco", { "set/coco/images/a.png", "set/coco/images/b.png" },
      { "set/coco/annotations/instances.json", "set/coco/x", "set/coco/y" } },
    { DF_LABELLED_LVIS, "set/lvis", { "set/lvis/images/a.png", "set/lvis/images/b.png" },
      { "set/lvis/annotations/lvis_v1.json", "set/lvis/x", "set/lvis/y" } },
    { DF_LABELLED_YOLO, "set/yolo", { "set/yolo/images/a.png", "set/yolo/images/b.png" },
      { "set/yolo/data.yaml", "set/yolo/labels/a.txt", "set/yolo/labels/b.txt" } },
    { DF_LABELLED_VOC, "set/voc", { "set/voc/JPEGImages/a.png", "set/voc/JPEGImages/b.png" },
      { "set/voc/Annotations/a.xml", "set/voc/Annotations/b.xml", "set/voc/ImageSets/Main/train.txt" } },
    { DF_LABELLED_MAPS, "set/maps", { "set/maps/images/a.png", "set/maps/images/b.png" },
      { "set/maps/classes.txt", "set/maps/annotations/a.png", "set/maps/x" } },
};
enum { FORMS = sizeof forms / sizeof *forms };

static void prepare(void)
{
    static bool done;
    for (int i = 0; !done && i < FORMS; i++)
        for (int k = 0; k < 2; k++)
            fuzz_write_picture(forms[i].picture[k], 6, 8, 3);
    done = true;
}

static void there_and_back(const DfLabelled *set, DfLabelledForm form)
{
    const DfLabelledTarget target = { .form = form, .pictures = DF_PICTURES_LINKED };
    DfLabelledReport report = { 0 };
    DfLabelled again;
    char out[64];
    snprintf(out, sizeof out, "set/out-%s", df_labelled_form_name(form));
    if (df_labelled_write(set, fuzz_path(out), &target, &report) < 0) {
        if (!df_error()[0])
            abort();
        return;
    }
    /* Files of earlier inputs stand there, too: what matters is that nothing
     * that was written is refused, but for names. */
    if (df_labelled_read(&again, fuzz_path(out), &(DfLabelledSource){ .form = form }) == DF_OK &&
        form != DF_LABELLED_MAPS && again.n_pictures < set->n_pictures)
        abort();
    df_labelled_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfLabelled set;
    prepare();
    if (size < 2)
        return 0;
    const Form *form = &forms[data[0] % FORMS];
    static bool hurried; /* for good: the files need no disk under them */
    if (!hurried)
        df_writers_hurry();
    hurried = true;
    fuzz_divide(data + 2, size - 2, form->files, 3);
    if (df_labelled_read(&set, fuzz_path(form->dir), &(DfLabelledSource){ .form = form->form }) < 0) {
        if (!df_error()[0])
            abort();
        return 0;
    }
    there_and_back(&set, forms[data[1] % FORMS].form);
    df_labelled_done(&set);
    return 0;
}
