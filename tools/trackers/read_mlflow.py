"""What MLflow's own client finds in a tracking store, as JSON: read_mlflow.py TRACKING_URI EXPERIMENT"""
import json
import sys

from mlflow import MlflowClient

uri, name = sys.argv[1:]
client = MlflowClient(uri)
experiment = client.get_experiment_by_name(name)
found = []
for run in client.search_runs([experiment.experiment_id]):
    id = run.info.run_id
    files, folders = [], [None]
    while folders:
        for file in client.list_artifacts(id, folders.pop()):
            (folders if file.is_dir else files).append(file.path)
    texts = {}
    for path in files:
        with open(client.download_artifacts(id, path), encoding="utf-8") as file:
            texts[path] = file.read()
    found.append(
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "start": run.info.start_time,
            "end": run.info.end_time,
            "params": run.data.params,
            "tags": run.data.tags,
            "metrics": {
                key: [[m.step, m.value, m.timestamp] for m in client.get_metric_history(id, key)]
                for key in run.data.metrics
            },
            "artifacts": texts,
        }
    )
print(json.dumps(found))
