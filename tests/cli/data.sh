#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# data.sh PROGRAM ROOT -- deformer data: every form into every other and back, byte by byte; choosing, dividing, merging, drawing; names
# that lead out of the folder.
. "${0%/*}/lib.sh"

data() { want=$1; shift; run "$want" data "$@"; }
same_tree() { diff -r --no-dereference "$1" "$2" >difference 2>&1 || fail "$1 and $2 differ: $(head -n 3 difference)"; }
counts() { is "$(grep -o "\"$2\": [0-9]*" "$1" | head -n 1)" "\"$2\": $3" "$2 in $1"; }

run 0 synth world --images 8 --val 3 --quiet
data 0 convert world coco --to coco --copy
says 'coco: 8 pictures'
data 0 convert coco again --to coco --copy --quiet
same_tree coco again

# ---- there and back ----------------------------------------------------------------------------------------------------
# The second form comes back as it was, and so does COCO's after it.
for form in lvis yolo voc maps; do
    data 0 convert coco "$form" --to $form --link
    data 0 convert $form "coco-$form" --to coco --link --quiet
    data 0 convert "coco-$form" "$form-2" --to $form --link --quiet
    same_tree $form "$form-2"
    data 0 convert "$form-2" "coco-$form-2" --to coco --link --quiet
    same_tree "coco-$form" "coco-$form-2"
    for other in lvis yolo voc maps; do
        data 0 convert $form through --to $other --link --quiet
        data 0 convert $form through-1 --to $other --link --quiet --threads 1
        same_tree through through-1
        rm -rf through through-1
    done
done
# What is whole in both comes back from COCO as well: no crowds, numbers in order.
data 0 filter coco-yolo plain --crowd none --quiet --link
for form in lvis yolo; do
    data 0 convert plain there --to $form --link
    [ "$form" != lvis ] || is "$(wc -l <err)" 1 'lines of a conversion that loses nothing'
    data 0 convert there back --to coco --link --quiet
    same_tree plain back
    rm -rf there back
done
data 0 convert coco yolo-2 --to yolo && says 'lost: 2 crowds'
data 0 convert coco voc-3 --to voc --boxes-only --whole-pixels && says ' masks'
[ ! -d voc-3/SegmentationObject ] || fail 'writes masks that are not wanted'
data 0 convert coco yolo-3 --to yolo --task detect --json report.json
counts report.json annotations "$(grep -c '"image_id"' coco/annotations/*.json | awk -F: '{ n += $2 } END { print n }')"
is "$(awk '{ if (NF != 5) n++ } END { print n + 0 }' yolo-3/labels/*/*.txt)" 0 'lines that are no boxes'
data 0 convert coco yolo-4 --to yolo --task obb --quiet
is "$(awk '{ if (NF != 9) n++ } END { print n + 0 }' yolo-4/labels/*/*.txt)" 0 'lines that are no oriented boxes'

# ---- a file, its members and its numbers -------------------------------------------------------------------------------
cat >odd.json <<'END'
{"info": {"year": 2020, "big": 12345678901234567890, "x": [1.5, true, null, "\u0000 \u00e9"]},
"images": [
{"id": 5, "file_name": "sub/b.jpg", "height": 80, "width": 100, "license": 3, "video": "v1"},
{"id": "two", "file_name": "a.jpg", "height": 80, "width": 100, "video": "v1"},
{"id": 99999999999999999999, "file_name": "c.jpg", "video": "v2"}
],
"categories": [
{"id": 3, "name": "dog", "supercategory": "animal"},
{"id": 1, "name": "a \"b\": c", "keypoints": ["nose", "eye"], "skeleton": [[1, 2]]}
],
"annotations": [
{"id": 7, "image_id": 5, "category_id": 3, "bbox": [10.5, 20.25, 30, 40.5], "area": 702.1057499999998, "iscrowd": 0, "segmentation": [[10.5, 20.25, 40.5, 20.25, 40.5, 60.75]], "attributes": {"occluded": false}},
{"id": 2, "image_id": "two", "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 1, "segmentation": {"size": [80, 100], "counts": [0, 10, 70, 10, 7910]}},
{"id": 3, "image_id": "two", "category_id": 1, "bbox": [0.1, 1e-7, 473.0693054199219, 1], "area": 1, "iscrowd": 0, "ignore": 1, "keypoints": [1, 2, 2, 0, 0, 0], "num_keypoints": 1}
]}
END
sed 's/12345678901234567890/1.2345678901234567e+19/; s/ .u00e9/ \xc3\xa9/; s/1e-7/1e-07/' odd.json >canonical.json
data 0 convert odd.json odd-2.json --to coco --quiet
same canonical.json odd-2.json
data 0 filter odd.json one.json --class dog && says 'kept 2 of 3 pictures and 1 of 3 objects'
data 0 filter odd.json one.json --class 3 --keep-empty --quiet && is "$(grep -c file_name one.json)" 3 'pictures'
data 0 filter odd.json one.json --without-class dog --crowd none --quiet && is "$(grep -c '"bbox"' one.json)" 1 'objects'
data 0 filter odd.json one.json --name 'sub/*' --name 'c*' --quiet && is "$(grep -c file_name one.json)" 2 'pictures'
data 0 filter odd.json one.json --image-ids two,99999999999999999999 --quiet && is "$(grep -c file_name one.json)" 2 'pictures'
data 0 filter odd.json one.json --only-empty --quiet && is "$(grep -c file_name one.json)" 1 'pictures'
data 0 filter odd.json one.json --area 100:101 --side 5: --quiet && is "$(grep -c '"bbox"' one.json)" 1 'objects'
data 1 filter odd.json one.json --class dgo && says "no class 'dgo'; did you mean 'dog'?"
data 1 filter odd.json one.json --image-ids 17 && says "no picture has the id '17'"
data 2 filter odd.json one.json --area 5 && says 'want LOW:HIGH'
data 2 filter odd.json odd.json && says 'want another place'
data 2 convert odd.json x --to voc2 && says 'want coco, lvis, yolo, voc or maps'
data 2 convert odd.json x && says '--to: want'
data 1 convert odd.json x --to maps && says "the folder of the pictures, 'c.jpg' and so on, is unknown: want --images DIR"
data 2 stat odd.json && says "did you mean 'stats'?"
data 2 convert odd.json && says 'want: deformer data convert IN OUT'
data 0 stats odd.json --json - && grep -q '"crowds": 1' out || fail 'another number of crowds'
data 0 stats odd.json && prints 'objects with keypoints' && prints 'dog'

# Not every pair of very many objects.
{
    printf '{"images": [{"id": 1, "file_name": "a.jpg", "height": 80, "width": 100}], "categories": [{"id": 1, "name": "a"}], "annotations": [\n'
    awk 'BEGIN { for (i = 1; i <= 6000; i++) printf "{\"id\": %d, \"image_id\": 1, \"category_id\": 1, \"bbox\": [0, 0, 9, 9], \"area\": 81, \"iscrowd\": 0}%s\n", i, i < 6000 ? "," : "]}" }'
} >crowded.json
data 0 stats crowded.json && says 'a.jpg: has 6000 objects, and only the first 5000 are compared with one another'

# ---- parts -------------------------------------------------------------------------------------------------------------
data 0 convert coco all.json --to coco --quiet
is "$(grep -c file_name all.json)" 8 'pictures of both parts in one file'
data 0 split all.json thirds --ratio 2:1:1 --seed 7 --quiet --images world
data 0 split all.json thirds-2 --ratio 2:1:1 --seed 7 --quiet --threads 1 --images world
same_tree thirds thirds-2
is "$(grep -c file_name thirds/annotations/instances_train.json)" 4 'pictures to train on'
is "$(grep -c file_name thirds/annotations/instances_test.json)" 2 'pictures to test on'
cat thirds/annotations/*.json | grep -o '"file_name": "[^"]*"' | sort >found
grep -o '"file_name": "[^"]*"' all.json | sort >wanted
same found wanted
data 0 split all.json halves --ratio a=1,b=1 --stratify --quiet && [ -f halves/annotations/instances_b.json ] || fail 'no part b'
data 0 split odd.json groups --ratio 1:1 --group video --quiet
is "$(cat groups/annotations/*.json | grep -c '"video": "v1"')" 2 'pictures of the video'
is "$(grep -l '"video": "v1"' groups/annotations/*.json | wc -l)" 1 'parts with the video'
data 0 split odd.json groups --ratio 1:1 --group '/^([a-z]+)/' --quiet
data 2 split odd.json groups --group '/(/' && says 'want a regular expression'
data 1 split odd.json groups --group nothing && says 'no picture has a member of that name'
data 2 split odd.json groups --ratio 8:x && says 'want shares'
data 0 sample all.json five.json --number 5 --quiet && is "$(grep -c file_name five.json)" 5 'pictures of a sample'
data 0 sample all.json five-2.json --number 5 --quiet --threads 1 && same five.json five-2.json
data 0 sample all.json half.json --share 0.5 --stratify --quiet && is "$(grep -c file_name half.json)" 4 'half of them'
data 1 sample all.json x.json --number 9 && says 'there are 8 pictures'
data 2 sample all.json x.json && says 'want --number N or --share X'

# ---- merged ------------------------------------------------------------------------------------------------------------
data 0 merge odd.json one.json both.json && says '2 pictures are in several datasets and were merged, with 1 equal objects'
is "$(grep -c file_name both.json)" 3 'pictures of both'
data 0 filter coco/annotations/instances_train2017.json a.json --name '*[1-3].jpg' --quiet
data 0 filter coco/annotations/instances_train2017.json b.json --name '*[4-5].jpg' --quiet
data 0 merge a.json b.json ab.json --quiet
data 0 merge coco/annotations/instances_train2017.json coco/annotations/instances_train2017.json twice.json --quiet
data 1 merge coco/annotations/instances_train2017.json nothing.json x.json && says 'nothing.json: there is no file'
is "$(grep -o '"bbox": [^]]*' ab.json | sort | cksum)" "$(grep -o '"bbox": [^]]*' twice.json | sort | cksum)" 'objects of two halves'
data 1 merge coco/annotations/instances_train2017.json coco/annotations/instances_val2017.json x.json && says 'are called' && says '--prefix'
data 0 merge coco/annotations/instances_train2017.json coco/annotations/instances_val2017.json prefixed --prefix --copy --quiet
[ -f prefixed/images/2/000000000001.jpg ] || fail 'no folder for the second'

# ---- drawn -------------------------------------------------------------------------------------------------------------
data 0 draw coco drawn --number 3 --seed 1 --quiet && is "$(find drawn -name '*.jpg' | wc -l)" 3 'drawn pictures'
data 0 draw yolo drawn-2 --no-masks --quiet && is "$(find drawn-2 -name '*.jpg' | wc -l)" 8 'drawn pictures'
data 1 draw odd.json drawn-3 && says 'the folder of the pictures'

# ---- what is read is not written over ----------------------------------------------------------------------------------
# By an annotation file in its own folder, by a part of it, by data.yaml, by drawings, and by reports.
rm -rf own && cp -r coco own && cp -rL yolo own/yolo && cp -r voc own/voc && cp -r maps own/maps && cp -r own own-kept
part=own/annotations/instances_val2017.json
read='the dataset is read from this file: want another place to write to'
data 1 filter $part own --area 1024: --quiet && says "$part: $read"
data 1 convert own/annotations own --to coco && says "$read"
data 1 sample own $part --number 1 && says "$part: $read"
data 1 split $part own/. --ratio val2017=1,other=1 --quiet && says "$read"
data 1 filter own/yolo/data.yaml own/yolo --class 2 --quiet && says "$read"
data 1 filter own/voc/Annotations own/voc --crowd none --images own/voc/JPEGImages --quiet && says "$read"
data 1 draw own/yolo/data.yaml own/yolo/images --images own/yolo/images && says "$read"
for file in $part own/val2017/000000000001.jpg own/maps/classes.txt "$(find own/voc/Annotations -name '*.xml' | head -n 1)"; do
    data 2 stats own --json "$file" && says "--json $file: this file is data of own: want another place"
    run 2 metric ade20k own own/maps/annotations --json "$file" && says 'this file is data of own'
done
same_tree own own-kept
# What a command wrote itself is written again.
for i in 1 2; do
    data 0 stats own --json own/annotations/stats.json
    run 0 metric ade20k own/maps/annotations own/maps/annotations --json own/annotations/s.json --per-image own/annotations/i.json
done
data 0 filter $part own/new --quiet
data 0 split $part own --quiet --ratio a=1,b=1

# ---- names of strangers ------------------------------------------------------------------------------------------------
for name in '../out.jpg' '/out.jpg' 'a/../../out.jpg' '..'; do
    sed "s|\"c.jpg\"|\"$name\", \"height\": 5, \"width\": 5|" odd.json >hostile.json
    for form in coco lvis yolo voc maps; do
        data 1 convert hostile.json evil/inner --to $form && says 'outside of its folder'
    done
    data 1 draw hostile.json evil/inner --images world/val2017
done
[ ! -e evil/out.txt ] && [ ! -e evil/out.xml ] && [ ! -e out.txt ] || fail 'a file outside of the folder'
mkdir -p linked/labels && ln -s "$PWD" linked/labels/sub
sed 's|"c.jpg"|"c.jpg", "height": 5, "width": 5|' odd.json >sized.json
data 1 convert sized.json linked --to yolo && says 'through a symbolic link'
[ ! -e b.txt ] || fail 'a file behind a link'
sed 's/"image_id": "two"/"image_id": "three"/' odd.json >wrong.json
data 1 stats wrong.json && says "annotation 2: image_id 'three' is not among the images"
sed 's/"category_id": 3/"category_id": 4/' odd.json >wrong.json
data 1 stats wrong.json && says 'category_id 4 is not among the categories'
sed 's/"id": "two"/"id": 5/' odd.json >wrong.json
data 1 stats wrong.json && says 'id 5 is given twice'
# A list that is given again replaces the one before, as in Python: everybody counts the last one.
cat >lists.json <<END
{"images": [{"id": 8, "file_name": "z.jpg"}], "categories": [{"id": 9, "name": "no"}],
 "annotations": [{"id": 1, "image_id": 8, "category_id": 9, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0}],
 "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "categories": [{"id": 2, "name": "cat"}],
 "annotations": [{"id": 5, "image_id": 1, "category_id": 2, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}]}
END
data 0 stats lists.json --json lists.out && grep -q '"images": 1' lists.out && grep -q '"annotations": 1' lists.out ||
    fail 'stats counts a list that was replaced'
printf '[{"image_id": 1, "category_id": 2, "bbox": [1, 1, 4, 4], "score": 1}]' >found.json
run 0 metric coco lists.json found.json && prints '1.000'
run 1 metric check lists.json found.json && prints 'there is another list "images"' && prints '1 of 1 detections lie on an object of their class'
! grep -q 'image 8\|_unknown' out || fail 'check looks at a list that was replaced'
# A name that is not UTF-8 stands in JSON as Python writes it, and leads to the picture again. XML has no way to write it.
run 0 synth named --images 2 --val 1 --coco --seed 1 --size 96x64 --quiet
data 0 convert named of_yolo --to yolo --copy
name=$(printf 'q\377')
mv of_yolo/images/val2017/000000000001.jpg "of_yolo/images/val2017/$name.jpg"
mv of_yolo/labels/val2017/000000000001.txt "of_yolo/labels/val2017/$name.txt"
data 0 convert of_yolo of_coco --to coco --copy
grep -qF '"file_name": "q\udcff.jpg"' of_coco/annotations/instances_val2017.json || fail 'a name that is not UTF-8 is another in JSON'
data 0 convert of_coco yolo_again --to yolo --copy
(cd of_yolo && find . -type f | sort) >names && (cd yolo_again && find . -type f | sort | cmp -s - ../names) ||
    fail 'a name that is not UTF-8 is another after two conversions'
data 1 convert of_coco of_voc --to voc --copy && says "'q\xff.jpg' has a name that is not UTF-8"
data 2 convert odd.json there.json --ratio 8:2 && says 'convert has no --ratio, which is for split'
data 2 stat odd.json && says "no subcommand 'stat'; did you mean 'stats'?"
data 1 stats nothing && says 'there is no file or folder of that name'
mkdir empty && data 1 stats empty && says 'no labelled pictures in it'
mkdir many && i=0
while [ $((i += 1)) -le 64 ]; do cp odd.json many/part$i.json; done
data 0 stats many --json many.out && cp odd.json many/part65.json
data 1 stats many && says 'many: has more than 64 annotation files'
finish
