"""Prints what the reader of TensorBoard finds in a log folder, as JSON: read_tensorboard.py FOLDER"""
import json
import sys

from google.protobuf.json_format import MessageToDict
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

events = event_accumulator.EventAccumulator(
    sys.argv[1], size_guidance={kind: 0 for kind in ("scalars", "tensors", "histograms")}
)
events.Reload()
tags = events.Tags()


def hparams(tag):
    content = events.SummaryMetadata(tag).plugin_data.content
    return MessageToDict(plugin_data_pb2.HParamsPluginData.FromString(content), preserving_proto_field_name=True)


tensors = [tag for tag in tags["tensors"] if not tag.startswith("_hparams_/")]
print(
    json.dumps(
        {
            "scalars": {tag: [[e.step, e.value, e.wall_time] for e in events.Scalars(tag)] for tag in tags["scalars"]},
            "histograms": {
                tag: [
                    {
                        "step": e.step,
                        "min": e.histogram_value.min,
                        "max": e.histogram_value.max,
                        "count": e.histogram_value.num,
                        "sum": e.histogram_value.sum,
                        "sumOfSquares": e.histogram_value.sum_squares,
                        "bucketLimits": list(e.histogram_value.bucket_limit),
                        "bucketCounts": list(e.histogram_value.bucket),
                    }
                    for e in events.Histograms(tag)
                ]
                for tag in tags["histograms"]
            },
            "texts": {
                tag: [
                    [e.step, [text.decode() for text in tensor_util.make_ndarray(e.tensor_proto).tolist()]]
                    for e in events.Tensors(tag)
                ]
                for tag in tensors
            },
            "hparams": {tag: hparams(tag) for tag in tags["tensors"] if tag.startswith("_hparams_/")},
        }
    )
)
